/*
 * Ringtrace: call tracking for VoxEngine.
 *
 * One scenario for every number of the account. It asks the Ringtrace backend what to do with
 * a call (the plan), perhaps asks the caller for digits, rings the targets, bridges and records,
 * and reports what happened, once.
 * Nothing here differs between customers; three secrets of the application configure it:
 *
 *   RINGTRACE_URL       address of the backend, for example https://calls.example.com
 *   RINGTRACE_TOKEN     the gateway token
 *   RINGTRACE_FALLBACK  number or sip: URI that rings when neither backend nor cache has a plan
 *
 * A caller is never lost to a failing backend: no usable answer within two seconds means the
 * number's last cacheable plan, and without one the fallback target.
 */

require(Modules.ApplicationStorage);

const LOOKUP_SECONDS = 2;
const STORAGE_SECONDS = 1;
// The caller hears ringing meanwhile, so this may take longer than the lookup.
const DIGITS_SECONDS = 3;
const DEFAULT_KEY_SECONDS = 8;
// A prompt whose end is never told must not keep the caller.
const LONGEST_PROMPT_SECONDS = 60;
// The platform drops a caller who is not answered within 60 seconds; end before it does.
const CALLER_WAITS_SECONDS = 57;
const SHORTEST_RING_SECONDS = 2;
const DEFAULT_RING_SECONDS = 25;
const DEFAULT_MAX_SECONDS = 7200;
const LONGEST_MAX_SECONDS = 86400;
// How long to wait for the last events of a call (RecordStopped, the other leg's end).
const SETTLE_SECONDS = 1.5;
// A session without calls lives 60 seconds: all attempts must fit, time-outs included.
const REPORT_PAUSES = [0, 2, 8, 20];
const REPORT_SECONDS = 5;
const LAST_CHANCE_SECONDS = 30;
const CACHE_CHARACTERS = 2000;
const CACHE_SECONDS = 7776000;

// How the final SIP code of a leg becomes outcome and reason: the table of docs/gateways.md.
const FAILURES = {
  486: ['busy', 'operator_busy'],
  600: ['busy', 'operator_busy'],
  408: ['missed', 'operator_not_responsive'],
  480: ['missed', 'operator_not_responsive'],
  487: ['missed', 'operator_not_responsive'],
  603: ['rejected', 'operator_disconnects'],
  607: ['rejected', 'operator_disconnects'],
  404: ['failed', 'operator_number_problems'],
  410: ['failed', 'operator_number_problems'],
  484: ['failed', 'operator_number_problems'],
  604: ['failed', 'operator_number_problems'],
  503: ['failed', 'operator_channels_busy'],
  402: ['failed', 'not_enough_money'],
  403: ['failed', 'limit_exceeded'],
};
const INTERNAL_ERROR = ['failed', 'internal_error'];
const REFUSALS = { busy: 486, missed: 480, rejected: 603 };
const REFUSAL = 503;

// Names in VoiceList.Amazon, by preference; without any of them the platform's own voice speaks.
const VOICES = {
  'de-DE': ['de_DE_Vicki', 'de_DE_Marlene', 'de_DE_Hans'],
  'en-GB': ['en_GB_Amy', 'en_GB_Emma'],
  'en-US': ['en_US_Joanna'],
  'es-ES': ['es_ES_Lucia', 'es_ES_Conchita', 'es_ES_Enrique'],
  'fr-FR': ['fr_FR_Celine', 'fr_FR_Lea', 'fr_FR_Mathieu'],
  'ru-RU': ['ru_RU_Tatyana', 'ru_RU_Maxim'],
};

const config = { url: '', token: '', fallback: '' };

// The call of this session. `attempts` are the targets still to be rung, `legs` those that
// were; `result` is set once and never changed. `attended` is a caller whom the scenario has
// answered itself, to ask for digits; `entry` is that question.
const call = {
  id: '',
  inbound: null,
  inboundEnded: false,
  number: '',
  caller: null,
  startedAt: 0,
  endedAt: 0,
  planSource: 'fallback',
  maxSeconds: DEFAULT_MAX_SECONDS,
  looking: false,
  attended: false,
  entry: null,
  digits: '',
  attempts: [],
  legs: [],
  answered: null,
  recording: null,
  rescued: false,
  unknown: false,
  result: null,
  reporting: false,
  reportBody: null,
  acknowledged: false,
};

VoxEngine.addEventListener(AppEvents.Started, (event) => {
  call.id = String(event.sessionId);
});
VoxEngine.addEventListener(AppEvents.CallAlerting, guarded(onCallAlerting));
VoxEngine.addEventListener(AppEvents.Terminating, onTerminating);

// --- The call arrives -----------------------------------------------------------------------

function onCallAlerting(event) {
  if (call.inbound) {
    event.call.reject(486);
    return undefined;
  }
  call.inbound = event.call;
  call.startedAt = Date.now();
  call.number = String(event.destination);
  call.caller = callerNumber(event.callerid);
  call.inbound.addEventListener(CallEvents.Disconnected, guarded(onInboundEnded));
  readSecrets();
  return route();
}

// Not at the top level: what a session is given reaches it only after the script is loaded.
function readSecrets() {
  config.fallback = secret('RINGTRACE_FALLBACK');
  config.url = secret('RINGTRACE_URL').replace(/\/+$/, '');
  config.token = secret('RINGTRACE_TOKEN');
}

async function route() {
  call.looking = true;
  const decision = await findPlan();
  call.looking = false;
  if (decision.unknown) {
    call.unknown = true;
    refuse(404);
    conclude('failed', 'number_unknown', 404);
    settle();
    return;
  }
  follow(decision);
  if (call.inboundEnded) {
    settle();
    return;
  }
  // Besides the tone, calls from the US to the US are only let out after ring().
  harmless(ringCaller)();
  if (decision.question) {
    ask(decision.question);
    return;
  }
  dialNext();
}

function follow(decision) {
  call.planSource = decision.source;
  call.attempts = decision.attempts;
  call.maxSeconds = decision.maxSeconds;
  Logger.write(`ringtrace: plan from ${decision.source}, ${decision.attempts.length} target(s)`);
}

async function findPlan() {
  const answer = await arrival();
  if (saysUnknown(answer)) {
    quietly(() => ApplicationStorage.remove(cacheKey()));
    return { unknown: true };
  }
  try {
    if (answer.code !== 200) throw new Error(`the backend answered ${answer.code}`);
    const plan = JSON.parse(answer.text);
    const decision = decide(plan, 'backend');
    if (plan.cacheable === true) keepPlan(plan);
    return decision;
  } catch (error) {
    Logger.write(`ringtrace: no plan from the backend (${error.message})`);
  }
  return call.inboundEnded ? fallbackDecision() : awayDecision();
}

function arrival() {
  return post('/gateway/v1/calls', {
    call: call.id,
    number: call.number,
    caller: call.caller,
    started_at: timestamp(call.startedAt),
  }, LOOKUP_SECONDS);
}

// A bare 404 may come from anything between here and the backend; only its own word refuses
// a caller.
function saysUnknown(answer) {
  try {
    return answer.code === 404 && JSON.parse(answer.text).error_id === 'number_unknown';
  } catch (error) {
    return false;
  }
}

async function awayDecision() {
  try {
    const entry = await within(STORAGE_SECONDS, ApplicationStorage.get(cacheKey()), null);
    if (entry) return decide(JSON.parse(entry.value), 'cache');
  } catch (error) {
    Logger.write(`ringtrace: no plan from the cache (${error.message})`);
  }
  return fallbackDecision();
}

function fallbackDecision() {
  const usable = isTarget(config.fallback);
  if (!usable) Logger.write('ringtrace: RINGTRACE_FALLBACK is neither a number nor a sip: URI');
  const attempts = usable ? [attempt({ to: config.fallback }, {})] : [];
  return { source: 'fallback', question: null, attempts, maxSeconds: DEFAULT_MAX_SECONDS };
}

// --- The plan -------------------------------------------------------------------------------

// Everything is checked before anything is dialled: a step this scenario does not know makes
// the whole plan unusable, because leaving it out could mean leaving out an announcement.
function decide(plan, source) {
  const [first] = plan.steps;
  const question = first && first.do === 'collect' ? questionOf(first) : null;
  const attempts = plan.steps.slice(question ? 1 : 0).flatMap((step) => {
    if (step.do !== 'dial') throw new Error(`step ${JSON.stringify(step.do)} is not known`);
    return step.targets.map((target) => attempt(target, step));
  });
  if (attempts.length === 0) throw new Error('the plan has no target');
  const wanted = plan.max_seconds > 0 ? plan.max_seconds : DEFAULT_MAX_SECONDS;
  return { source, question, attempts, maxSeconds: Math.min(wanted, LONGEST_MAX_SECONDS) };
}

function questionOf(step) {
  if (!(Number.isInteger(step.digits) && step.digits > 0)) {
    throw new Error('collect does not say how many digits');
  }
  if (typeof step.prompt !== 'string') throw new Error('collect has no prompt');
  return {
    count: step.digits,
    seconds: step.seconds > 0 ? step.seconds : DEFAULT_KEY_SECONDS,
    prompt: step.prompt,
    language: String(step.language),
  };
}

function attempt(target, step) {
  const to = String(target.to).trim();
  if (!isTarget(to)) throw new Error('a target is neither a number nor a sip: URI');
  return {
    to: isSip(to) ? to : `+${digits(to)}`,
    ringSeconds: target.ring_seconds > 0 ? target.ring_seconds : DEFAULT_RING_SECONDS,
    callerId: digits(step.caller_id || call.number),
    record: step.record === true,
  };
}

function keepPlan(plan) {
  quietly(() => ApplicationStorage.put(cacheKey(), compact(plan), CACHE_SECONDS));
}

// What a stored value has room for: the plan itself, else its question and as many of its
// targets as fit.
function compact(plan) {
  const whole = JSON.stringify({ steps: plan.steps, max_seconds: plan.max_seconds });
  if (whole.length <= CACHE_CHARACTERS) return whole;
  const questions = plan.steps.filter((step) => step.do === 'collect');
  const targets = plan.steps.flatMap((step) => step.targets || [])
    .map((target) => ({ to: target.to }));
  const bare = () => JSON.stringify({ steps: [...questions, { do: 'dial', targets }] });
  while (targets.length > 1 && bare().length > CACHE_CHARACTERS) targets.pop();
  return bare();
}

function cacheKey() {
  return `ringtrace.plan.${call.number.slice(0, 100)}`;
}

// --- Digits ---------------------------------------------------------------------------------

function ask(question) {
  const { inbound } = call;
  call.entry = { ...question, prompting: true, over: false, way: null, timer: null };
  inbound.addEventListener(CallEvents.Connected, guarded(onPickedUp));
  inbound.addEventListener(CallEvents.ToneReceived, guarded(onTone));
  inbound.addEventListener(CallEvents.PlaybackFinished, guarded(onPromptFinished));
  wait(LONGEST_PROMPT_SECONDS + question.seconds);
  inbound.answer();
  call.attended = true;
}

function onPickedUp() {
  const { entry, inbound } = call;
  if (entry.over) return;
  try {
    Logger.hideTones(true);
    inbound.handleTones(true, DTMFType.ALL);
    const voice = voiceOf(entry.language);
    inbound.say(entry.prompt, voice ? { voice } : {});
  } catch (error) {
    Logger.write(`ringtrace: nothing was said (${error.message})`);
    onPromptFinished();
  }
}

function voiceOf(language) {
  const similar = Object.keys(VOICES).find((known) => known.slice(0, 2) === language.slice(0, 2));
  const names = VOICES[language] || VOICES[similar] || [];
  const name = names.find((known) => VoiceList.Amazon[known]);
  if (!name) Logger.write(`ringtrace: no voice for ${language}`);
  return name ? VoiceList.Amazon[name] : null;
}

// Comes with an error too, when nothing could be said; the caller may still know what to do.
function onPromptFinished() {
  const { entry } = call;
  if (entry.over || !entry.prompting) return;
  entry.prompting = false;
  wait(entry.seconds);
}

function onTone(event) {
  const { entry } = call;
  // Some networks deliver each key in two ways: that of the first key counts.
  entry.way = entry.way || event.type;
  if (entry.over || entry.way !== event.type) return undefined;
  if (entry.prompting) {
    // The end of a stopped playback is not told.
    entry.prompting = false;
    call.inbound.stopPlayback();
  }
  if (event.tone === '#') return endEntry();
  if (/^[0-9]$/.test(event.tone)) call.digits += event.tone;
  if (call.digits.length >= entry.count) return endEntry();
  wait(entry.seconds);
  return undefined;
}

function wait(seconds) {
  clearTimeout(call.entry.timer);
  call.entry.timer = setTimeout(guarded(endEntry), seconds * 1000);
}

async function endEntry() {
  if (call.entry.over) return;
  closeEntry();
  Logger.write(`ringtrace: ${call.digits.length} digit(s)`);
  harmless(() => call.inbound.handleTones(false))();
  harmless(playRingback)();
  if (call.digits) await redirect();
  if (call.inboundEnded || call.result || call.rescued) return;
  dialNext();
}

function closeEntry() {
  if (!call.entry) return;
  call.entry.over = true;
  clearTimeout(call.entry.timer);
}

// Whatever goes wrong, the plan at hand goes on.
async function redirect() {
  const answer = await post(`${callPath()}/digits`, { digits: call.digits }, DIGITS_SECONDS);
  try {
    if (answer.code !== 200) throw new Error(`the backend answered ${answer.code}`);
    const decision = decide(JSON.parse(answer.text), 'backend');
    if (decision.question) throw new Error('the plan asks again');
    follow(decision);
  } catch (error) {
    Logger.write(`ringtrace: digits not taken (${error.message})`);
  }
}

// --- Dialling -------------------------------------------------------------------------------

function dialNext() {
  const next = call.attempts.shift();
  const waited = secondsBetween(call.startedAt, Date.now());
  const left = call.attended ? Infinity : CALLER_WAITS_SECONDS - waited;
  if (!next || left < SHORTEST_RING_SECONDS) {
    giveUp();
    return;
  }
  dial(next, Math.min(next.ringSeconds, left));
}

function dial(next, seconds) {
  const leg = {
    target: next.to,
    startedAt: Date.now(),
    answeredAt: 0,
    endedAt: 0,
    code: null,
    reason: null,
    over: false,
    cancelled: false,
    timer: null,
    call: null,
  };
  call.legs.push(leg);
  // Early media of the target before may have taken its place.
  if (call.attended && call.legs.length > 1) harmless(playRingback)();
  Logger.write(`ringtrace: dialling ${masked(next.to)} for ${Math.round(seconds)} s`);
  try {
    leg.call = place(next);
  } catch (error) {
    Logger.write(`ringtrace: not dialled (${error.message})`);
    onLegFailed(leg, null);
    return;
  }
  leg.call.addEventListener(CallEvents.Ringing, harmless(ringCaller));
  leg.call.addEventListener(CallEvents.AudioStarted, harmless(() => onEarlyMedia(leg)));
  leg.call.addEventListener(CallEvents.Connected, guarded(() => onAnswer(leg, next)));
  leg.call.addEventListener(CallEvents.Failed, guarded((event) => onLegFailed(leg, event.code)));
  leg.call.addEventListener(CallEvents.Disconnected, guarded(() => onLegDisconnected(leg)));
  leg.timer = setTimeout(guarded(() => cancel(leg)), seconds * 1000);
}

function place(next) {
  if (isSip(next.to)) return VoxEngine.callSIP(next.to, { callerid: next.callerId });
  return VoxEngine.callPSTN(digits(next.to), next.callerId);
}

function ringCaller() {
  if (!call.attended && !call.answered && !call.inboundEnded) call.inbound.ring();
}

// A caller whom we have answered hears ringing from us.
function playRingback() {
  const russian = call.entry.language.startsWith('ru');
  if (!call.inboundEnded) call.inbound.playProgressTone(russian ? 'RU' : 'US');
}

function onEarlyMedia(leg) {
  if (leg.over || leg.cancelled || call.inboundEnded) return;
  if (!call.attended) call.inbound.startEarlyMedia();
  leg.call.sendMediaTo(call.inbound);
}

function onAnswer(leg, next) {
  if (leg.over || leg.cancelled || call.inboundEnded) {
    // The answer crossed our hanging up.
    leg.call.hangup();
    return;
  }
  clearTimeout(leg.timer);
  leg.answeredAt = Date.now();
  leg.code = 200;
  call.answered = leg;
  if (!call.attended) call.inbound.answer();
  VoxEngine.sendMediaBetween(call.inbound, leg.call);
  if (next.record) harmless(record)(leg);
  setTimeout(guarded(() => hangUpBoth(leg)), call.maxSeconds * 1000);
}

function record(leg) {
  const recording = { url: null, seconds: null, over: false };
  leg.call.addEventListener(CallEvents.RecordStarted, (event) => { recording.url = event.url; });
  leg.call.addEventListener(CallEvents.RecordStopped, guarded((event) => {
    recording.seconds = event.duration;
    recording.over = true;
    settle();
  }));
  leg.call.addEventListener(CallEvents.RecordError, () => { recording.over = true; });
  leg.call.record({ stereo: true });
  call.recording = recording;
}

function cancel(leg) {
  if (leg.over) return;
  leg.cancelled = true;
  leg.call.hangup();
  // The platform answers with Failed; the next target does not depend on it.
  leg.timer = setTimeout(guarded(() => onLegFailed(leg, 487)), 2000);
}

function onLegFailed(leg, code) {
  if (!closeLeg(leg)) return;
  leg.code = isSipCode(code) ? code : null;
  leg.reason = failure(leg.code)[1];
  if (call.result || call.inboundEnded) {
    settle();
    return;
  }
  dialNext();
}

function onLegDisconnected(leg) {
  if (leg !== call.answered) {
    onLegFailed(leg, 487);
    return;
  }
  closeLeg(leg);
  conclude('answered', null, 200);
  if (!call.inboundEnded) call.inbound.hangup();
  settle();
}

function closeLeg(leg) {
  if (leg.over) return false;
  leg.over = true;
  leg.endedAt = leg.endedAt || Date.now();
  clearTimeout(leg.timer);
  return true;
}

function hangUpBoth(leg) {
  if (!leg.over) leg.call.hangup();
  if (!call.inboundEnded) call.inbound.hangup();
}

// With several targets the last leg decides.
function giveUp() {
  const last = call.legs[call.legs.length - 1];
  const code = last ? last.code : null;
  const [outcome, reason] = failure(code);
  refuse(REFUSALS[outcome] || REFUSAL);
  conclude(outcome, reason, code);
}

function refuse(code) {
  if (call.inboundEnded) return;
  if (call.attended) call.inbound.hangup();
  else call.inbound.reject(code);
}

function failure(code) {
  return FAILURES[code] || INTERNAL_ERROR;
}

// --- The end --------------------------------------------------------------------------------

function onInboundEnded() {
  call.inboundEnded = true;
  closeEntry();
  if (call.answered) {
    conclude('answered', null, 200);
  } else {
    conclude('abandoned', 'caller_disconnects', 487);
  }
  const leg = call.legs[call.legs.length - 1];
  if (leg && !leg.over) {
    leg.endedAt = Date.now();
    leg.call.hangup();
  }
  settle();
}

function conclude(outcome, reason, code) {
  if (call.result) return;
  call.result = { outcome, reason, code };
  call.endedAt = Date.now();
  setTimeout(guarded(report), SETTLE_SECONDS * 1000);
}

// Report as soon as nothing more can come.
function settle() {
  const recorded = !call.recording || call.recording.over;
  if (!call.result || !call.inboundEnded || call.looking) return;
  if (recorded && call.legs.every((leg) => leg.over)) report();
}

// An error of ours: the caller gets the fallback target, unless he is talking already.
function rescue(error) {
  Logger.write(`ringtrace: error ${error && error.message}\n${error && error.stack}`);
  if (!call.inbound || call.answered || call.result) return;
  if (call.rescued) {
    refuse(REFUSAL);
    conclude(...INTERNAL_ERROR, null);
    return;
  }
  call.rescued = true;
  call.looking = false;
  closeEntry();
  const leg = call.legs[call.legs.length - 1];
  const decision = fallbackDecision();
  call.attempts = decision.attempts;
  if (call.legs.length === 0) call.planSource = decision.source;
  if (leg && leg.call && !leg.over) {
    guarded(cancel)(leg);
    return;
  }
  if (leg) closeLeg(leg);
  guarded(dialNext)();
}

function guarded(handler) {
  return (event) => {
    try {
      const pending = handler(event);
      if (pending && typeof pending.catch === 'function') pending.catch(rescue);
    } catch (error) {
      rescue(error);
    }
  };
}

// For what a call can go on without: tones, early media, the recording.
function harmless(handler) {
  return (subject) => {
    try {
      handler(subject);
    } catch (error) {
      Logger.write(`ringtrace: went on without (${error.message})`);
    }
  };
}

// --- The report -----------------------------------------------------------------------------

async function report() {
  if (call.reporting || call.looking) return;
  call.reporting = true;
  try {
    if (!call.unknown) await deliverReport();
  } finally {
    VoxEngine.terminate();
  }
}

async function deliverReport() {
  for (const pause of REPORT_PAUSES) {
    if (pause > 0) await sleep(pause);
    const answer = await post(reportPath(), reportBody(), REPORT_SECONDS);
    // 409: the backend has kept it and a person will look; sending it again changes nothing.
    if ((answer.code >= 200 && answer.code < 300) || answer.code === 409) {
      call.acknowledged = true;
      return;
    }
    Logger.write(`ringtrace: report not acknowledged (${answer.code})`);
  }
}

// The platform lets one request out of this handler and waits for it.
function onTerminating() {
  if (!call.inbound || call.unknown || call.acknowledged || !config.url) return;
  if (!call.result) {
    const [outcome, reason] = call.answered ? ['answered', null] : INTERNAL_ERROR;
    call.result = { outcome, reason, code: call.answered ? 200 : null };
    call.endedAt = Date.now();
  }
  const options = request(reportBody(), LAST_CHANCE_SECONDS);
  Net.httpRequest(config.url + reportPath(), () => {}, options);
}

function callPath() {
  return `/gateway/v1/calls/${encodeURIComponent(call.id)}`;
}

function reportPath() {
  return `${callPath()}/report`;
}

// The same text each time it is sent.
function reportBody() {
  if (call.reportBody) return call.reportBody;
  const { outcome, reason, code } = call.result;
  const last = call.answered || call.legs[call.legs.length - 1];
  call.reportBody = {
    number: call.number,
    caller: call.caller,
    started_at: timestamp(call.startedAt),
    outcome,
    reason,
    code,
    target: last ? last.target : null,
    ring_seconds: secondsBetween(call.startedAt, call.answered ? call.answered.answeredAt : call.endedAt),
    talk_seconds: call.answered ? secondsBetween(call.answered.answeredAt, call.endedAt) : 0,
    legs: call.legs.map(legReport),
    recording: recordingReport(),
    session: call.id,
    plan_source: call.planSource,
    digits: call.digits || null,
  };
  return call.reportBody;
}

function legReport(leg) {
  const endedAt = Math.min(leg.endedAt || call.endedAt, call.endedAt);
  const abandoned = call.result.outcome === 'abandoned' && endedAt === call.endedAt;
  return {
    target: leg.target,
    started_at: timestamp(leg.startedAt),
    ring_seconds: secondsBetween(leg.startedAt, leg.answeredAt || endedAt),
    talk_seconds: leg.answeredAt ? secondsBetween(leg.answeredAt, endedAt) : 0,
    code: abandoned ? 487 : leg.code,
    reason: abandoned ? 'caller_disconnects' : leg.reason,
  };
}

function recordingReport() {
  const recording = call.recording;
  if (!recording || !recording.url) return null;
  if (typeof recording.seconds !== 'number') return { url: recording.url };
  return { url: recording.url, seconds: recording.seconds, channels: 2 };
}

// --- Plumbing -------------------------------------------------------------------------------

function secret(name) {
  return String(VoxEngine.getSecretValue(name) || '').trim();
}

// The session log is readable to others: the request's token and numbers stay out of it.
function request(body, seconds) {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${config.token}` },
    postData: JSON.stringify(body),
    timeout: seconds,
    connectionTimeout: Math.min(seconds, 3),
    enableSystemLog: false,
  };
}

// Never throws and never takes much longer than `seconds`; trouble is a code below zero.
async function post(path, body, seconds) {
  if (!config.url) return { code: -2, text: '' };
  try {
    const answer = Net.httpRequestAsync(config.url + path, request(body, seconds));
    return await within(seconds + 0.5, answer, { code: -7, text: '' });
  } catch (error) {
    return { code: -8, text: '' };
  }
}

function within(seconds, promise, otherwise) {
  return Promise.race([promise, sleep(seconds).then(() => otherwise)]);
}

function sleep(seconds) {
  return new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
}

// The call goes on whatever becomes of this.
async function quietly(step) {
  try {
    await step();
  } catch (error) {
    Logger.write(`ringtrace: storage (${error.message})`);
  }
}

function callerNumber(text) {
  const number = String(text || '').trim();
  return /^\+?[0-9]{3,20}$/.test(number) ? number : null;
}

function isSip(address) {
  return /^sips?:\S+$/i.test(address);
}

function isTarget(text) {
  return isSip(text) || /^\+?[0-9][0-9 ().-]{2,}$/.test(text);
}

function isSipCode(code) {
  return Number.isInteger(code) && code >= 300 && code <= 699;
}

function digits(text) {
  return String(text).replace(/[^0-9]/g, '');
}

function masked(address) {
  return isSip(address) ? 'a SIP address' : `a number ending in ${address.slice(-2)}`;
}

function timestamp(milliseconds) {
  return new Date(milliseconds).toISOString();
}

function secondsBetween(from, to) {
  return Math.round(Math.max(0, to - from)) / 1000;
}
