/*
 * The Ringtrace tag: tells the server about the visit and shows the visitor a number of his own.
 * What it sends and when is written in docs/tracking.md.
 *
 * The page comes first. Whatever fails in here (storage, network, a strange answer) ends in
 * silence, and the page keeps its own number. The tag is minified without renaming, so names
 * are chosen to read well and to repeat.
 */
(() => {
  const safely = work => (...values) => {
    try {
      return work(...values);
    } catch {
      // Fail open: the page must never notice us.
    }
  };

  const attempt = safely(work => work());

  safely(script => {
    const site = script.dataset.site;
    if (!site || window.ringtrace) return;
    const endpoint = new URL('/t/hit', script.src);

    const ANCHOR = /#(?![!/]).*/; // "#!" and "#/" are routes of a single-page application
    const QUERY = /\?[^#]*|#(?![!/]).*/g;
    const SKIP = 'script,style,textarea,input,[contenteditable],[data-ringtrace-noswap]';
    const DIALS = '[href^="tel:" i]';
    const ATTRIBUTES = ['href', 'title', 'aria-label', 'alt'];
    // A number in E.164: country calling code and the rest.
    const PARTS = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d{4,12})$/;

    let visitor, visit, record, arrival, contacted;
    let shown = null; // the number on the page instead of its own
    let rules = [];
    const past = new Set();
    const seen = new Set(); // patterns of the extensions that may stand behind a number
    let away = document.hidden;
    let address; // of the last page hit
    let referrer = document.referrer;

    const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map(
      value => value.toString(16).padStart(2, '0')
    ).join('');

    /** Reads the ids as other tabs and subdomains left them, begins a visit if it is time, saves. */
    const refresh = navigated => {
      const now = Date.now();
      let campaign = '';
      for (const char of String(
        location.href.match(/\b(utm_\w+|([gdy]|fb|tt|tw)clid|msclkid|[gw]braid)=[^&#]+/g) || ''
      )) campaign = (campaign * 31 + char.charCodeAt()) % 1e9;
      // visitor, when he was first seen, visit, its last sign of life, hash of its campaign
      let born, seen, began;
      [, visitor, born, visit, seen, began] = /ringtrace=(\w{32})\.(\d+)\.(\w{32})\.(\d+)\.(\d*)/.exec(
        [() => document.cookie, () => localStorage.ringtrace, () => record].map(attempt)
      ) || [];
      if (!(now - born < 34214400000 /* 13 months */)) [visitor, born, seen] = [random(), now];
      // Only an arrival can bring another campaign: two open tabs must not fight over the visit.
      if (!(now - seen < 1800000) || navigated && campaign && campaign != began) {
        visit = now.toString(16).padStart(12, '0') + random().slice(12);
        began = campaign;
      }
      record = 'ringtrace=' + [visitor, born, visit, now, began].join('.');
      attempt(() => localStorage.ringtrace = record);
      attempt(() => {
        // The widest domain the browser accepts is the registrable one; it refuses public suffixes.
        const labels = location.hostname.split('.');
        for (let first = labels.length; first-- && !document.cookie.includes(record);) {
          document.cookie = record + ';path=/;samesite=lax;max-age=34214400;domain='
            + labels.slice(first).join('.')
            + (location.protocol === 'https:' ? ';secure' : '');
        }
      });
    };

    const body = kind => JSON.stringify({ site, kind, visitor, visit, url: address, referrer });

    const beacon = kind => navigator.sendBeacon(endpoint, body(kind));

    const page = () => {
      const asked = visit;
      address = location.href;
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 2500);
      arrival = fetch(endpoint, {
        method: 'POST', // a string is sent as text/plain, which needs no preflight
        body: body('page'),
        keepalive: true,
        credentials: 'omit',
        signal: abort.signal
      })
        .then(response => response.json())
        .then(answer => asked === visit && take(answer))
        .catch(() => {});
      // Contact lenses and contactless payment do not count; the encoded word is Cyrillic.
      if (/[ck]onta[ck]?t(?!.?lens|less)|%BD%D1%82%D0%B0%D0%BA%D1%82/i.test(
        location.pathname + location.hash
      )) contact();
    };

    const beat = () => {
      const before = visit;
      refresh();
      if (visit === before) beacon('beat');
      else page(); // the server has not heard of this visit yet
    };

    const contact = () => {
      if (contacted === visit) return;
      contacted = visit;
      arrival.then(() => beacon('contact')); // never before the page hit it belongs to
    };

    const moved = safely(ignored => {
      if (address.replace(ignored, '') === location.href.replace(ignored, '')) return;
      referrer = address;
      refresh(true);
      page();
    });

    /** Shows the answer's number; a malformed answer throws before anything has changed. */
    const take = answer => {
      const number = answer.number;
      let next = [];
      if (number !== null) {
        const [, country, subscriber] = PARTS.exec(number.e164);
        if ([number.national, number.international].some(
          text => text.slice(-2) !== subscriber.slice(-2)
        )) return;
        const suffix = number.suffix || '';
        // Any extension gives way to ours: one shown earlier, or the page's own.
        const known = suffix.replace(/[ ,.]+/, '[ ,.]*').replace(
          /\d+/, '\\d+|;ext=\\d+|,,\\d+|'
        );
        // Numbers shown earlier on this page are replaced like the page's own.
        next = [...answer.swap, ...past].map(own => {
          const [, code, digits] = PARTS.exec(own);
          const pattern = RegExp(
            `(^|\\D|\\+\\d+~)((?:\\((?=[+\\d ]{1,7}\\)))?((\\+|00|011)~${code}~(0~)?|${code}~|[018]~)?)(${
              [...digits].join('~')})(${[...seen, known].join('')})(?!\\d)`.replace(
              /~/g, '(?:[\\s.()/\\xb7\\u2000-\\u206f-]|%2[089])*' // %20 and brackets in a tel: link
            ), 'g'
          );
          return (text, link) => text.replace(pattern, (all, before, prefix, lead, plus, trunk, local) => {
            let at = 0;
            if (/\d/.test(before)) return all; // the same digits in another country
            let swapped = plus || code !== country ? number.international : number.national;
            if (code === country && digits.length === subscriber.length) {
              swapped = prefix + local.replace(
                /%..|\d/g, sign => sign[1] ? sign : subscriber[at++]
              );
            }
            return before + swapped + suffix.replace(link, ',,');
          });
        });
        past.add(number.e164);
        seen.add(known);
      }
      rules = next;
      shown = number;
      swap(document);
      sessionStorage.ringtrace = JSON.stringify([visit, answer]);
    };

    /** In a link, what leads to the extension (the pattern `link`) turns into two dialled pauses. */
    const replace = (text, link) => rules.reduce((text, rule) => rule(text, link), text);

    const nodes = root => {
      const walker = document.createTreeWalker(
        root, 5 /* elements and texts */, node => node.matches && node.matches(SKIP) ? 2 : 1
      );
      const found = [root];
      while (walker.nextNode()) found.push(walker.currentNode);
      return found;
    };

    /** Swaps in a text, or where the number is spread over small neighbours, across them. */
    const swapText = box => {
      const parts = nodes(box).filter(node => node.nodeType === 3);
      // Told apart by a character that is white space to a rule and hardly comes in a page.
      const text = parts.map(part => part.data).join('\u206f');
      const swapped = replace(text);
      if (swapped === text) {
        box = box.parentNode;
        if (/^[^a-z]{1,40}([a-z]+[^a-z]+)?$/i.test(text) && box.childNodes.length < 9) swapText(box);
      } else {
        const pieces = swapped.split('\u206f');
        if (pieces.length === parts.length) parts.forEach((part, at) => part.data = pieces[at]);
      }
    };

    const swapElement = element => {
      if (element.matches('[data-ringtrace-contact]')) sight.observe(element);
      for (const name of ATTRIBUTES) {
        const value = element.getAttribute(name);
        if (!value || name === 'href' && !element.matches(DIALS)) continue;
        const swapped = replace(value, name === 'href' && /\D+/);
        if (swapped !== value) element.setAttribute(name, swapped);
      }
    };

    const swap = safely(root => {
      const element = root.closest ? root : root.parentElement;
      if (element && element.closest(SKIP)) return;
      nodes(root).forEach(safely(node => {
        if (node.matches) swapElement(node);
        else if (/\d/.test(node.data)) swapText(node);
      }));
    });

    const sight = new IntersectionObserver(entries => {
      if (entries.some(entry => entry.isIntersecting)) contact();
    });

    window.ringtrace = { swap, number: () => shown };
    refresh(true);
    page();
    attempt(() => {
      const [of, answer] = JSON.parse(sessionStorage.ringtrace);
      if (of === visit) take(answer);
    });
    swap(document);

    new MutationObserver(records => records.forEach(record => {
      if (record.type === 'childList') record.addedNodes.forEach(swap);
      else swap(record.target);
    })).observe(document, {
      subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES
    });

    const on = (type, work) => addEventListener(type, safely(work), true);

    const presence = event => {
      const gone = event.type === 'pagehide' || document.hidden;
      if (gone === away) return;
      away = gone;
      if (away) beacon('leave');
      else beat();
    };

    setInterval(safely(() => away || beat()), 30000);
    on('visibilitychange', presence);
    on('pagehide', presence);
    on('pageshow', presence); // back from the back/forward cache
    on('click', event => {
      if (event.target.closest(DIALS)) beacon('tap');
    });
    on('popstate', () => moved(ANCHOR));
    for (const [name, ignored] of [['pushState', ANCHOR], ['replaceState', QUERY]]) {
      const original = history[name].bind(history);
      history[name] = (...values) => {
        original(...values);
        moved(ignored);
      };
    }
  })(document.currentScript);
})();
