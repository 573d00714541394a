const CUSTOM_DATA_BYTES = 200;

function bytesOf(text) {
  return unescape(encodeURIComponent(text)).length;
}

function checkedCustomData(value) {
  const text = String(value);
  if (bytesOf(text) > CUSTOM_DATA_BYTES) throw new Error('customData holds at most 200 bytes');
  return text;
}

function isPlain(value) {
  return value === undefined || value === null || Object.getPrototypeOf(value) === Object.prototype;
}

const calls = new Map();
let happened;

class Call {
  // How an event reaches a call; scripts have no such method.
  static {
    happened = (call, name, fields) => {
      if (name === 'Call.Connected') call.#state = 'CONNECTED';
      if (name === 'Call.Disconnected' || name === 'Call.Failed') call.#state = 'TERMINATED';
      call.#listeners.dispatch(name, { ...fields, name, id: call.#id, call });
    };
  }

  #id;
  #about;
  #state;
  #customData = '';
  #listeners = new Listeners();

  constructor(id, about) {
    this.#id = id;
    this.#about = about;
    this.#state = about.incoming ? 'ALERTING' : 'PROGRESSING';
    calls.set(id, this);
  }

  id() { return this.#id; }
  state() { return this.#state; }
  incoming() { return this.#about.incoming; }
  callerid() { return this.#about.callerid; }
  displayName() { return this.#about.displayName; }
  number() { return this.#about.number; }
  clientType() { return this.#about.clientType; }
  toString() { return `Call ${this.#id}`; }
  toJSON() { return { id: this.#id }; }

  customData(value) {
    if (value !== undefined) this.#customData = checkedCustomData(value);
    return this.#customData;
  }

  addEventListener(event, listener) {
    warnIfNeverSent(event);
    this.#listeners.add(event, listener);
  }

  removeEventListener(event, listener) { this.#listeners.remove(event, listener); }

  answer(headers) { this.#send('AcceptCall', { headers: headers || null }); }
  ring() { this.#send('Ring'); }
  startEarlyMedia(headers) { this.#send('StartEarlyMedia', { headers: headers || null }); }
  hangup(headers) { this.#send('Hangup', { headers: headers || null }); }

  reject(code, headers) {
    if (code !== undefined && !(code >= 300 && code <= 699)) {
      throw new RangeError(`reject: ${String(code)} is not a SIP code between 300 and 699`);
    }
    this.#send('RejectCall', { code: code === undefined ? 603 : code, headers: headers || null });
  }

  decline(headers) { this.reject(603, headers); }

  record(parameters) {
    const { stereo = false, hd_audio = false } = parameters || {};
    this.#send('Record', { stereo, hd_audio });
  }

  // (text, {voice}), before that (text, {language}), and before that (text, Language.X).
  say(text, parameters) {
    const options = isPlain(parameters) ? parameters || {} : { voice: parameters };
    const chosen = options.voice || options.language;
    this.#send('Say', { text: String(text), voice: chosen === undefined ? null : String(chosen) });
  }

  startPlayback(url, options) {
    const loop = typeof options === 'object' && options !== null ? options.loop : options;
    this.#send('StartPlayback', { url: String(url), loop: Boolean(loop) });
  }

  stopPlayback() { this.#send('StopPlayback'); }
  playProgressTone(country) { this.#send('PlayProgressTone', { country: String(country) }); }

  handleTones(handle = true, types = undefined) {
    if (handle && types === undefined) {
      send('Warning', { text: "handleTones without the kinds of tones: 'ALL' is used" });
    }
    const kinds = types === undefined ? 'ALL' : String(types);
    this.#send('HandleTones', { handle: Boolean(handle), kinds });
  }

  sendMediaTo(unit) { this.#send('SendMediaTo', { to: unit.id() }); }
  stopMediaTo(unit) { this.#send('StopMediaTo', { to: unit.id() }); }

  #send(command, data) { send(command, { id: this.#id, ...data }); }
}

lacking(Call.prototype, 'Call', [
  'vad', 'answerDirect', 'sendDigits', 'sendInfo', 'sendMessage', 'handleMicStatus',
  'handleBlindTransfer', 'notifyBlindTransferSuccess', 'notifyBlindTransferFailed',
  'enableBeepDetection', 'disableBeepDetection', 'transferTo', 'monitorMediaStatistics',
]);
