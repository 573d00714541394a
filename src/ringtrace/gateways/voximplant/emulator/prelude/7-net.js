const HTTP_REQUESTS = 35;
const TOTAL_SECONDS = 90;
const CONNECT_SECONDS = 6;
const pending = new Map();
let lastRequest = 0;
let httpPending = 0;

// Time-outs can only be shortened.
function shortened(seconds, limit) {
  const wanted = Number(seconds);
  return wanted > 0 && wanted < limit ? wanted : limit;
}

// An object, or the older array of 'Name: value'.
function headerPairs(headers) {
  if (!headers) return [];
  if (!Array.isArray(headers)) return Object.entries(headers).map(([k, v]) => [k, String(v)]);
  return headers.map((line) => {
    const colon = String(line).indexOf(':');
    return [String(line).slice(0, colon).trim(), String(line).slice(colon + 1).trim()];
  });
}

function withParams(url, params) {
  const query = Object.entries(params || {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
  if (!query) return url;
  return url + (url.includes('?') ? '&' : '?') + query;
}

function startRequest(url, options, finished) {
  if (httpPending >= HTTP_REQUESTS) throw new Error('Exceeded the HTTP connection count limit!');
  const given = options || {};
  const body = given.postData;
  const id = ++lastRequest;
  httpPending += 1;
  pending.set(id, (result) => { httpPending -= 1; finished(result); });
  send('HttpRequest', {
    id,
    url: withParams(String(url), given.params),
    method: String(given.method || 'GET').toUpperCase(),
    headers: headerPairs(given.headers),
    body: body === undefined || body === null || Array.isArray(body) ? null : String(body),
    bytes: Array.isArray(body) ? body : null,
    raw: Boolean(given.rawOutput),
    timeout: shortened(given.timeout, TOTAL_SECONDS),
    connectTimeout: shortened(given.connectionTimeout, CONNECT_SECONDS),
    quiet: given.enableSystemLog === false,
  });
}

globalThis.Net = {
  HttpRequestOptions: class HttpRequestOptions {},
  httpRequest(url, callback, options) {
    startRequest(url, options, (result) => invoke(callback, [result]));
  },
  httpRequestAsync(url, options) {
    return new Promise((resolve) => startRequest(url, options, resolve));
  },
};
lacking(globalThis.Net, 'Net', ['sendMail', 'sendMailAsync']);

function askStorage(operation, data) {
  return new Promise((resolve, reject) => {
    const id = ++lastRequest;
    pending.set(id, ({ value, error }) => (error ? reject(new Error(error)) : resolve(value)));
    send('Storage', { id, operation, ...data });
  });
}

globalThis.ApplicationStorage = {
  get: (key) => askStorage('get', { key: String(key) }),
  put: (key, value, ttl) => askStorage('put', {
    key: String(key), value: String(value), ttl: ttl === undefined ? null : Number(ttl),
  }),
  keys: (pattern, count) => askStorage('keys', {
    pattern: pattern === undefined ? '*' : String(pattern), count: count === undefined ? null : count,
  }),
  remove: (key) => askStorage('remove', { key: String(key) }),
};

function answered(id, result) {
  const finish = pending.get(id);
  if (!finish) return;
  pending.delete(id);
  finish(result);
}
