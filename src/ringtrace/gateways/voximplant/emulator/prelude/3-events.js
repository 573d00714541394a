function events(prefix, names) {
  return Object.freeze(Object.fromEntries(names.map((name) => [name, `${prefix}.${name}`])));
}

globalThis.AppEvents = Object.freeze({
  ...events('Application', ['Started', 'CallAlerting', 'HttpRequest', 'Terminating', 'Terminated']),
  WebSocket: 'AppEvents.NewWebSocketConnection',
  NewWebSocketFailed: 'Application.OnNewWebSocketFailed',
});

const SENT_CALL_EVENTS = [
  'Ringing', 'AudioStarted', 'Connected', 'Disconnected', 'Failed', 'RecordStarted',
  'RecordStopped', 'ToneReceived', 'PlaybackStarted', 'PlaybackFinished',
];
globalThis.CallEvents = events('Call', [
  ...SENT_CALL_EVENTS,
  'RecordError', 'PlaybackReady', 'FirstAudioPacketReceived', 'RtpStopped', 'RtpResumed',
  'AudioQualityDetected', 'StateChanged', 'MessageReceived', 'InfoReceived', 'OnHold', 'OffHold',
  'ReInviteReceived', 'ReInviteAccepted', 'ReInviteRejected', 'TransferComplete', 'TransferFailed',
  'BlindTransferRequested', 'ToneDetected', 'ProgressToneDetected', 'VoicemailToneDetected',
  'MicStatusChange', 'PushSent', 'BeepDetectionComplete', 'BeepDetectionError', 'VideoTrackCreated',
  'Statistics', 'MediaStatisticsReceived',
]);
globalThis.PlayerEvents = events('Player', [
  'Created', 'PlaybackReady', 'Started', 'Stopped', 'PlaybackFinished', 'Error',
  'PlaybackMarkerReached', 'PlaybackBuffering',
]);
const SENT_PLAYER_EVENTS = new Set(['Created', 'PlaybackReady', 'Started', 'Stopped', 'PlaybackFinished']
  .map((name) => PlayerEvents[name]));

const sent = new Set(SENT_CALL_EVENTS.map((name) => CallEvents[name]));
function warnIfNeverSent(event) {
  if (typeof event === 'string' && !sent.has(event)) {
    send('Warning', { text: `the emulator never sends ${event}` });
  }
}
