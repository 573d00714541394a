const application = new Listeners();
const WITHOUT_PLUS = /^\+/;
let sessionData = config.customData;
let dialled = 0;

function placeCall(command, about, data) {
  const id = `${config.sessionId}.${++dialled}`;
  const call = new Call(id, { incoming: false, displayName: '', ...about });
  send(command, { id, ...data });
  return call;
}

function textOrNull(value) {
  return value === undefined || value === null ? null : String(value);
}

globalThis.VoxEngine = {
  addEventListener(event, listener) { application.add(event, listener); },
  removeEventListener(event, listener) { application.remove(event, listener); },

  callPSTN(number, callerid, options) {
    const to = String(number).replace(WITHOUT_PLUS, '');
    const about = { number: to, callerid: textOrNull(callerid), clientType: 'pstn' };
    const followDiversion = Boolean(options && options.followDiversion);
    return placeCall('CallPSTN', about, { to, callerid: about.callerid, followDiversion });
  },

  // (to, {…}), and before that (to, callerid, displayName, password, authUser, headers).
  callSIP(to, options, displayName, password, authUser, headers) {
    const named = typeof options === 'object' && options !== null ? options
      : { callerid: options, displayName, password, authUser, headers };
    const about = {
      number: String(to), callerid: textOrNull(named.callerid),
      displayName: named.displayName || '', clientType: 'sip',
    };
    return placeCall('CallSIP', about, {
      to: about.number, callerid: about.callerid, authUser: textOrNull(named.authUser),
      password: named.password ? '******' : null, headers: named.headers || null,
    });
  },

  // ({username, …}), and before that (username, callerid, displayName, headers).
  callUser(user, callerid, displayName) {
    const named = typeof user === 'object' && user !== null ? user
      : { username: user, callerid, displayName };
    const about = {
      number: String(named.username), callerid: textOrNull(named.callerid),
      displayName: named.displayName || '', clientType: 'user',
    };
    return placeCall('CallUser', about, { to: `user:${about.number}`, callerid: about.callerid });
  },

  easyProcess(caller, callee, onEstablished, direct) {
    if (direct) notEmulated('VoxEngine.easyProcess in direct mode')();
    const terminate = () => VoxEngine.terminate();
    VoxEngine.sendMediaBetween(caller, callee);
    callee.addEventListener(CallEvents.Ringing, () => caller.ring());
    callee.addEventListener(CallEvents.AudioStarted, () => caller.startEarlyMedia());
    callee.addEventListener(CallEvents.Connected, (event) => caller.answer(event.headers));
    // Not fired for a caller who was answered before.
    caller.addEventListener(CallEvents.Connected, () => {
      if (onEstablished) onEstablished(caller, callee);
    });
    for (const call of [caller, callee]) {
      call.addEventListener(CallEvents.Failed, terminate);
      call.addEventListener(CallEvents.Disconnected, terminate);
    }
  },

  forwardCallToPSTN(numberTransform, onEstablished, options) {
    application.add(AppEvents.CallAlerting, (event) => {
      const number = numberTransform ? numberTransform(event.destination) : event.destination;
      const callerid = options && options.callerid ? options.callerid : event.callerid;
      const callee = VoxEngine.callPSTN(number, callerid, options);
      VoxEngine.easyProcess(event.call, callee, onEstablished);
    });
  },

  createToneScriptPlayer(script, parameters) { return toneScriptPlayer(script, parameters); },
  createURLPlayer(request, parameters) { return urlPlayer(request, parameters); },

  sendMediaBetween(one, other) { send('SendMediaBetween', { id1: one.id(), id2: other.id() }); },
  stopMediaBetween(one, other) { send('StopMediaBetween', { id1: one.id(), id2: other.id() }); },

  customData(value) {
    if (value !== undefined) {
      sessionData = checkedCustomData(value);
      send('SetCustomData', { data: sessionData });
    }
    return sessionData;
  },

  getSecretValue(name) {
    return Object.hasOwn(config.secrets, name) ? config.secrets[name] : undefined;
  },

  terminate() { send('Terminate', {}); },
};

lacking(globalThis.VoxEngine, 'VoxEngine', [
  'callUserDirect', 'callConference', 'callWhatsappUser', 'forwardCallToUser',
  'forwardCallToUserDirect', 'forwardCallToSIP', 'playSoundAndHangup',
  'createTTSPlayer', 'createSequencePlayer', 'createRecorder', 'createConference',
  'destroyConference', 'createASR', 'createWebSocket', 'enqueueACDRequest', 'enqueueTask',
]);
for (const [name, methods] of Object.entries({
  CallList: ['reportResult', 'reportResultAsync', 'reportError', 'reportErrorAsync', 'reportProgress'],
  IVR: ['reset'],
  AMD: ['create'],
})) {
  globalThis[name] = {};
  lacking(globalThis[name], name, methods);
}
globalThis.IVRState = notEmulated('IVRState');
globalThis.VoximplantAPI = { Client: notEmulated('VoximplantAPI.Client') };
