const SystemDate = Date;

// The platform's local time is UTC, whatever this machine's is.
function VirtualDate(...args) {
  if (!new.target) return new SystemDate(clock.now).toUTCString();
  if (args.length === 0) return new SystemDate(clock.now);
  if (args.length === 1) return new SystemDate(args[0]);
  return new SystemDate(SystemDate.UTC(...args));
}
VirtualDate.prototype = SystemDate.prototype;
VirtualDate.prototype.constructor = VirtualDate;
VirtualDate.now = () => clock.now;
VirtualDate.parse = SystemDate.parse;
VirtualDate.UTC = SystemDate.UTC;
for (const part of ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds']) {
  SystemDate.prototype[`get${part}`] = SystemDate.prototype[`getUTC${part}`];
  if (part !== 'Day') SystemDate.prototype[`set${part}`] = SystemDate.prototype[`setUTC${part}`];
}
SystemDate.prototype.getTimezoneOffset = () => 0;
SystemDate.prototype.toString = SystemDate.prototype.toUTCString;
for (const name of ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']) {
  SystemDate.prototype[name] = notEmulated(`Date.${name}`);
}
globalThis.Date = VirtualDate;

const timers = new Map();
let lastTimer = 0;

function startTimer(callback, milliseconds, repeat, args) {
  if (timers.size >= 100) throw new Error('Exceeded the timer count limit of 100');
  const wait = Math.max(Number(milliseconds) || 0, repeat ? 100 : 0);
  const id = ++lastTimer;
  timers.set(id, { callback, repeat, args });
  send('StartTimer', { id, seconds: wait / 1000, repeat });
  return id;
}

function stopTimer(id) {
  if (timers.delete(id)) send('StopTimer', { id });
}

function fireTimer(id) {
  const timer = timers.get(id);
  if (!timer) return;
  if (!timer.repeat) timers.delete(id);
  invoke(timer.callback, timer.args);
}

globalThis.setTimeout = (callback, ms, ...args) => startTimer(callback, ms, false, args);
globalThis.setInterval = (callback, ms, ...args) => startTimer(callback, ms, true, args);
globalThis.clearTimeout = stopTimer;
globalThis.clearInterval = stopTimer;

const LOG_CHARACTERS = 15000;

globalThis.Logger = {
  write(text) {
    send('Log', { text: String(text).slice(0, LOG_CHARACTERS) });
  },
  hideTones(hidden) {
    send('HideTones', { hidden: Boolean(hidden) });
  },
};
globalThis.trace = (text) => Logger.write(text);
globalThis.console = { log: (...parts) => Logger.write(parts.map(String).join(' ')) };

const MODULES = {
  ACD: 'acd', AI: 'ai', AMD: 'amd', ApplicationStorage: 'applicationstorage', ASR: 'asr',
  Avatar: 'avatar', CallList: 'calllist', Conference: 'conference', IVR: 'ivr', Player: 'player',
  PushService: 'pushservice', Recorder: 'recorder', SmartQueue: 'smartqueue',
  StreamingAgent: 'streamingagent', VoximplantAPI: 'voximplantapi',
};
globalThis.Modules = Object.freeze(MODULES);
globalThis.require = (module) => {
  if (module !== undefined) send('LoadModule', { module: String(module) });
};

globalThis.uuidgen = () => 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g,
  () => Math.floor(Math.random() * 16).toString(16));

// Voices are names that only speech synthesis understands; any of them is as good as another here.
function voices(path) {
  const text = () => path;
  return new Proxy(Object.create(null), {
    get(_, name) {
      if (name === Symbol.toPrimitive || name === 'toString' || name === 'toJSON') return text;
      return typeof name === 'symbol' ? undefined : voices(`${path}.${name}`);
    },
  });
}
globalThis.Language = voices('Language');
globalThis.VoiceList = voices('VoiceList');
globalThis.DTMFType = Object.freeze({
  ALL: 'ALL', TELEPHONE_EVENT: 'TELEPHONE_EVENT', IN_BAND: 'IN_BAND', SIP_INFO: 'SIP_INFO',
});

lacking(globalThis, 'global', [
  'base64_encode', 'base64_decode', 'bytes2hex', 'hex2bytes', 'bytes2str', 'str2bytes',
  'levenshtein_distance', 'getLocalTime',
]);
globalThis.Crypto = {};
lacking(globalThis.Crypto, 'Crypto', ['hmac_sha256', 'md5', 'sha1', 'sha256']);
globalThis.PhoneNumber = {};
lacking(globalThis.PhoneNumber, 'PhoneNumber', ['getInfo']);
