// What the script does becomes commands, what the network does arrives as events.
// Python drains the commands after each event, so that an effect can never reach the
// script from inside its own call.

// Taken before a script can replace them.
const { parse, stringify } = JSON;
const commands = [];
const clock = { now: config.now };

function send(name, data) {
  commands.push({ name, data: data === undefined ? {} : data });
}

function describe(error) {
  if (error instanceof Error) {
    return { message: `${error.name}: ${error.message}`, stack: String(error.stack || '') };
  }
  // The engine throws null when there is no memory left for an Error.
  const what = error === null ? 'null, or out of memory' : String(error);
  return { message: `uncaught ${what}`, stack: '' };
}

class NotEmulated extends Error {
  constructor(what) {
    super(`${what} exists on the platform, but the emulator does not have it`);
    this.name = 'NotEmulated';
  }
}

function notEmulated(what) {
  // Not an arrow function: some of these are called with `new`.
  return function refuse() {
    send('NotEmulated', { what });
    throw new NotEmulated(what);
  };
}

function lacking(owner, prefix, names) {
  for (const name of names) {
    if (!(name in owner)) owner[name] = notEmulated(`${prefix}.${name}`);
  }
}

// An exception ends the session; a rejected promise is only noted, because the platform
// documents nothing about it.
function invoke(listener, args) {
  try {
    if (typeof listener !== 'function') throw new TypeError('the event handler is not a function');
    const pending = listener(...args);
    if (pending instanceof Promise) {
      pending.then(undefined, (error) => send('UnhandledRejection', describe(error)));
    }
    return true;
  } catch (error) {
    send('ScriptError', describe(error));
    return false;
  }
}

class Listeners {
  #byEvent = new Map();

  add(event, listener) {
    if (typeof event !== 'string') {
      send('Warning', { text: `addEventListener: ${String(event)} is not an event` });
    }
    this.#byEvent.set(event, [...(this.#byEvent.get(event) || []), listener]);
  }

  // Without a listener every one of that event goes, easyProcess's own included.
  remove(event, listener) {
    if (listener === undefined) {
      this.#byEvent.delete(event);
      return;
    }
    const kept = (this.#byEvent.get(event) || []).filter((known) => known !== listener);
    this.#byEvent.set(event, kept);
  }

  // Arrays are replaced, never changed, so this list is the snapshot of the moment.
  dispatch(event, payload) {
    for (const listener of this.#byEvent.get(event) || []) {
      if (!invoke(listener, [payload])) return;
    }
  }
}
