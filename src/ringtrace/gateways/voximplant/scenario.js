/*
 * Ringtrace: call tracking for VoxEngine.
 *
 * One scenario for every number of the account. It asks the Ringtrace backend what to do with
 * a call (the plan), carries its steps out (announcements, menus, questions for digits, targets
 * that ring, voicemail), records, and reports what happened, once.
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
const DIGITS_SECONDS = 3;
// So often in a call the backend is asked about digits; then nobody is asked for any.
const MOST_QUESTIONS = 3;
// With this key an entry of digits is begun anew, any other that is no digit ends it.
const ANEW = '*';
const ROOM_SECONDS = 1;
// The backend forgets a leg that it is not told of for five minutes.
const TOLD_SECONDS = 120;
const DEFAULT_KEY_SECONDS = 8;
const DEFAULT_MESSAGE_SECONDS = 120;
// So long after the whisper whoever answered may press the key that accepts the call.
const ACCEPT_SECONDS = 15;
// So long a caller who was answered already hears that nobody else will be.
const BUSY_SECONDS = 3;
const CONNECT_SECONDS = 5;
// A sound whose end is never told must not keep the caller.
const SLOWEST_LETTERS = 5;
const SPARE_SECONDS = 10;
const LONGEST_BEEP_SECONDS = 2;
// A sound file that does not begin in time is said instead.
const FILE_STARTS_SECONDS = 3;
const LONGEST_FILE_SECONDS = 130;
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
const NOBODY = ['missed', 'no_active_flow', 480];
const CANCELLED = 487;
// What a target is that has as many calls as it takes.
const FULL = 486;
// What a caller whom no target answered is refused with, by outcome.
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

// The beep before a message, what stands for a sound that cannot be heard, and what tells that
// nobody is left: frequencies; seconds(on/off).
const BEEP = '1000@-16;.5(*/0/1)';
const STAND_IN = '500@-16;.4(*/0/1)';
const BUSY = '425@-19;3(.5/.5/1)';
const AMERICAN_BUSY = '480@-19,620@-19;3(.5/.5/1+2)';

const config = { url: '', token: '', fallback: '' };

// Whoever can be heard and spoken to, the caller or a leg: `playing` while something is played
// whose end is waited for, by `player` where it is a file; one timer each; `way` is how its keys
// arrive.
function party(its) {
  return { call: its, timer: null, playing: false, player: null, listening: false, way: null };
}

// The call of this session. `course` is its plan while it is carried out, `next` another plan
// that takes its place. `attended` is a caller who was answered, `held` one who was only not to be
// dropped. `legs` are the targets that were dialled, `joined` the one that talks to the caller;
// `result` is set once and never changed.
const call = {
  id: '',
  inbound: null,
  inboundEnded: false,
  number: '',
  caller: null,
  startedAt: 0,
  endedAt: 0,
  gaveUpAt: 0,
  messageAt: 0,
  box: null,
  planSource: 'fallback',
  flow: null,
  maxSeconds: DEFAULT_MAX_SECONDS,
  looking: false,
  course: null,
  next: null,
  attended: false,
  connecting: false,
  held: false,
  hearsRingback: false,
  language: '',
  digits: '',
  questions: 0,
  legs: [],
  roomUnknown: false,
  joined: null,
  ending: null,
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
  call.inbound = party(event.call);
  call.startedAt = Date.now();
  call.number = String(event.destination);
  call.caller = callerNumber(event.callerid);
  event.call.addEventListener(CallEvents.Disconnected, guarded(onInboundEnded));
  event.call.addEventListener(CallEvents.Connected, guarded(onInboundConnected));
  hear(call.inbound);
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
  if (call.rescued) return;
  if (decision.unknown) {
    call.unknown = true;
    conclude('failed', 'number_unknown', 404);
    release(404);
    settle();
    return;
  }
  call.planSource = decision.source;
  call.flow = decision.flow;
  if (call.inboundEnded) {
    settle();
    return;
  }
  // Besides the tone, calls from the US to the US are only let out after ring().
  if (decision.steps[0].do !== 'hang_up') harmless(ringCaller)();
  setTimeout(guarded(holdCaller), 1000 * CALLER_WAITS_SECONDS - (Date.now() - call.startedAt));
  start(decision);
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
    else quietly(() => dropOutdated(plan));
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
  const targets = usable ? [targetOf({ to: config.fallback })] : [];
  const dial = { do: 'dial', targets, callerId: digits(call.number), record: false };
  return { source: 'fallback', steps: [dial], maxSeconds: DEFAULT_MAX_SECONDS, flow: null };
}

// --- The plan -------------------------------------------------------------------------------

// Everything is checked before anything is done: a step this scenario does not know makes
// the whole plan unusable, because leaving it out could mean leaving out an announcement.
function decide(plan, source) {
  const steps = stepsOf(plan.steps);
  if (steps.length === 0) throw new Error('the plan has no step');
  const maxSeconds = Math.min(positive(plan.max_seconds, DEFAULT_MAX_SECONDS), LONGEST_MAX_SECONDS);
  return { source, steps, maxSeconds, flow: plan.flow || null };
}

function stepsOf(steps) {
  if (!Array.isArray(steps)) throw new Error('steps are no list');
  return steps.map((step) => {
    const read = READERS.get(step.do);
    if (!read) throw new Error(`step ${JSON.stringify(step.do)} is not known`);
    return { do: step.do, ...read(step) };
  });
}

const READERS = new Map([
  ['announce', (step) => ({ prompt: promptOf(step.prompt) })],
  ['menu', (step) => ({
    prompt: promptOf(step.prompt),
    keys: new Map(Object.entries(step.keys).map(([key, steps]) => [keyOf(key), stepsOf(steps)])),
    seconds: positive(step.seconds, DEFAULT_KEY_SECONDS),
    tries: count(step.tries, 'tries'),
    otherwise: stepsOf(step.otherwise || []),
  })],
  ['collect', (step) => ({
    prompt: promptOf(step.prompt),
    digits: count(step.digits, 'digits'),
    seconds: positive(step.seconds, DEFAULT_KEY_SECONDS),
  })],
  ['dial', (step) => {
    if (step.targets.length === 0) throw new Error('a dial step has no target');
    return {
      targets: step.targets.map(targetOf),
      callerId: digits(step.caller_id || call.number),
      record: step.record === true,
      atOnce: step.at_once === true,
      whisper: step.whisper ? promptOf(step.whisper) : null,
      accept: step.accept ? keyOf(step.accept) : null,
    };
  }],
  ['voicemail', (step) => ({
    prompt: promptOf(step.prompt),
    seconds: positive(step.seconds, DEFAULT_MESSAGE_SECONDS),
    box: step.box || 0,
  })],
  ['hang_up', (step) => {
    if (!isSipCode(step.code)) throw new Error('hang_up has no SIP code');
    return { code: step.code, reason: step.reason || null };
  }],
]);

function promptOf(prompt) {
  if (typeof prompt.text !== 'string' || typeof prompt.language !== 'string') {
    throw new Error('a prompt has no text and language');
  }
  const link = String(prompt.link || '');
  return { text: prompt.text, language: prompt.language, link: link.startsWith('/') ? link : null };
}

function targetOf(target) {
  const to = String(target.to).trim();
  if (!isTarget(to)) throw new Error('a target is neither a number nor a sip: URI');
  return {
    to: isSip(to) ? to : `+${digits(to)}`,
    ringSeconds: positive(target.ring_seconds, DEFAULT_RING_SECONDS),
    record: target.record !== false,
    mostCalls: target.most_calls ? count(target.most_calls, 'most_calls') : null,
  };
}

function keyOf(key) {
  if (!isKey(key)) throw new Error(`${JSON.stringify(key)} is not a key`);
  return key;
}

function count(value, name) {
  if (!(Number.isInteger(value) && value > 0)) throw new Error(`${name} is not a count`);
  return value;
}

function positive(value, otherwise) {
  return value > 0 ? value : otherwise;
}

function keepPlan(plan) {
  const text = compact(plan);
  quietly(() => (text ? ApplicationStorage.put(cacheKey(), text, CACHE_SECONDS)
    : ApplicationStorage.remove(cacheKey())));
}

// A plan of this call alone says nothing against the cached one, unless the number's flow has
// changed since: then the cached plan may ring who should not be rung any more.
async function dropOutdated(plan) {
  const entry = await ApplicationStorage.get(cacheKey());
  if (entry && revisionOf(entry.value) !== (plan.revision || null)) {
    await ApplicationStorage.remove(cacheKey());
  }
}

function revisionOf(text) {
  try {
    return JSON.parse(text).revision || null;
  } catch (error) {
    return undefined;
  }
}

// What a stored value has room for: the plan itself, else its question and as many of its
// targets as fit, to be rung one after another; null without any.
function compact(plan) {
  const { flow, revision } = plan;
  const whole = JSON.stringify({ steps: plan.steps, max_seconds: plan.max_seconds, flow, revision });
  if (whole.length <= CACHE_CHARACTERS) return whole;
  const questions = plan.steps.filter((step) => step.do === 'collect');
  const targets = targetsOf(plan.steps).map((target) => ({
    to: target.to,
    most_calls: target.most_calls,
  }));
  if (targets.length === 0) return null;
  const bare = () => JSON.stringify({ steps: [...questions, { do: 'dial', targets }], flow, revision });
  while (targets.length > 1 && bare().length > CACHE_CHARACTERS) targets.pop();
  return bare();
}

function targetsOf(steps) {
  return steps.flatMap((step) => [
    ...(step.targets || []),
    ...Object.values(step.keys || {}).flatMap(targetsOf),
    ...targetsOf(step.otherwise || []),
  ]);
}

function cacheKey() {
  return `ringtrace.plan.${call.number.slice(0, 100)}`;
}

// --- The course of the call -----------------------------------------------------------------

// A plan is carried out by a generator that is told of every event: a key, a prompt that is
// over, an answer, a party that left, a time-out. Nothing in it waits otherwise. A generator of
// steps returns true when the call is over with them.

function start(decision) {
  call.course = carryOut(decision);
  tell();
}

function tell(event) {
  if (call.result || !call.course) return;
  if (call.course.next(event).done) finish(false);
}

function* carryOut(decision) {
  let over = false;
  for (call.next = decision; call.next;) {
    const plan = call.next;
    call.next = null;
    call.planSource = plan.source;
    call.flow = plan.flow;
    call.maxSeconds = plan.maxSeconds;
    Logger.write(`ringtrace: plan from ${plan.source}, ${plan.steps.length} step(s)`);
    over = yield* takeSteps(plan.steps);
  }
  if (!over && call.attended) {
    call.gaveUpAt = Date.now();
    harmless(playBusy)();
    wait(call.inbound, BUSY_SECONDS);
    yield* until('expired', call.inbound);
  }
}

function* takeSteps(steps) {
  for (const step of steps) {
    const over = yield* STEPS[step.do](step);
    if (over) return true;
  }
  return false;
}

const STEPS = {
  * announce(step) {
    yield* say(step.prompt);
    yield* until('played', call.inbound);
    return false;
  },

  * menu(step) {
    for (let tried = 0; tried < step.tries; tried += 1) {
      yield* say(step.prompt, true);
      const key = yield* awaitKey(step.seconds, true);
      if (step.keys.has(key)) return yield* takeSteps(step.keys.get(key));
    }
    return yield* takeSteps(step.otherwise);
  },

  * collect(step) {
    if (call.questions >= MOST_QUESTIONS) return false;
    yield* say(step.prompt, true);
    const entered = yield* awaitEntry(step);
    Logger.write(`ringtrace: ${entered.length} digit(s)`);
    if (!entered) return false;
    call.questions += 1;
    guarded(redirect)(entered);
    const { decision } = yield* until('replied', call.inbound);
    call.next = decision;
    return decision !== null;
  },

  * dial(step) {
    const rounds = step.atOnce ? [step.targets] : step.targets.map((target) => [target]);
    for (const targets of rounds) {
      const over = yield* ring(step, targets);
      if (over) return true;
    }
    return false;
  },

  * voicemail(step) {
    yield* say(step.prompt, true);
    yield* until('played', call.inbound);
    beep();
    yield* until('played', call.inbound);
    call.messageAt = Date.now();
    call.box = step.box;
    harmless(record)(call.inbound, false);
    wait(call.inbound, step.seconds);
    for (;;) {
      const event = yield;
      if (event.party === call.inbound && (event.key === '#' || event.kind === 'expired')) return true;
    }
  },

  * hang_up(step) {
    call.ending = step;
    return true;
  },
};

// Rings all of them; the first to answer, and to accept where he has to, is joined.
function* ring(step, targets) {
  playRingback();
  const dialled = targets.map((target) => dial(target, step, targets.length === 1));
  const open = new Set(dialled.filter((leg) => leg && !leg.over));
  while (open.size > 0) {
    const event = yield;
    const leg = event.party;
    if (open.has(leg)) {
      if (leg.answeredAt && accepts(event, step)) {
        yield* talk(leg, step.record && leg.record);
        return true;
      }
      if (event.kind === 'answered' && step.whisper) {
        if (step.accept) listen(leg);
        play(leg, step.whisper);
      } else if (event.kind === 'answered' || event.kind === 'played') {
        listen(leg);
        wait(leg, ACCEPT_SECONDS);
      } else if (event.kind === 'expired') {
        closeLeg(leg, CANCELLED);
        drop(leg);
        letGo(leg);
      }
      if (leg.over) open.delete(leg);
    }
  }
  return false;
}

function accepts(event, step) {
  if (step.accept) return event.key === step.accept;
  return event.kind === (step.whisper ? 'played' : 'answered');
}

function* talk(leg, recorded) {
  call.legs.filter((other) => other !== leg && !other.over).forEach((other) => {
    closeLeg(other, CANCELLED, 'answered_elsewhere');
    drop(other);
    letGo(other);
  });
  silence(leg);
  [leg, call.inbound].forEach(stopListening);
  if (!call.attended) answerCaller();
  VoxEngine.sendMediaBetween(call.inbound.call, leg.call);
  call.hearsRingback = false;
  leg.joinedAt = Date.now();
  call.joined = leg;
  if (recorded) harmless(record)(leg, true);
  if (leg.mostCalls) keepTelling(leg);
  wait(call.inbound, call.maxSeconds);
  for (;;) {
    const event = yield;
    if (event.party === leg && event.kind === 'left') return;
    if (event.party === call.inbound && event.kind === 'expired') return;
  }
}

function* awaitEntry(step) {
  let entered = '';
  for (let playing = true; entered.length < step.digits; playing = false) {
    const key = yield* awaitKey(step.seconds, playing);
    if (key !== ANEW && !/^[0-9]$/.test(key)) break;
    entered = key === ANEW ? '' : entered + key;
    call.digits = entered;
  }
  return entered;
}

// The key the caller presses while he hears something or so many seconds after; '': none.
function* awaitKey(seconds, playing) {
  if (!playing) wait(call.inbound, seconds);
  for (;;) {
    const event = yield;
    if (event.party === call.inbound) {
      if (event.kind === 'key') {
        silence(call.inbound);
        return event.key;
      }
      if (event.kind === 'played') wait(call.inbound, seconds);
      if (event.kind === 'expired') return '';
    }
  }
}

function* until(kind, whose) {
  for (;;) {
    const event = yield;
    if (event.party === whose && event.kind === kind) return event;
  }
}

// Whatever goes wrong, the plan at hand goes on.
async function redirect(entered) {
  const answer = await post(`${callPath()}/digits`, { digits: entered }, DIGITS_SECONDS);
  let decision = null;
  try {
    if (answer.code !== 200) throw new Error(`the backend answered ${answer.code}`);
    decision = decide(JSON.parse(answer.text), 'backend');
  } catch (error) {
    Logger.write(`ringtrace: digits not taken (${error.message})`);
  }
  tell({ kind: 'replied', party: call.inbound, decision });
}

// --- The caller -----------------------------------------------------------------------------

function* say(prompt, listening = false) {
  if (!call.attended) {
    answerCaller();
    call.connecting = true;
    wait(call.inbound, CONNECT_SECONDS, onInboundConnected);
    yield* until('connected', call.inbound);
  }
  if (listening) listen(call.inbound);
  call.hearsRingback = false;
  call.language = prompt.language;
  play(call.inbound, prompt);
}

function answerCaller() {
  call.inbound.call.answer();
  call.attended = true;
}

function onInboundConnected() {
  if (call.held && !call.joined) playRingback();
  if (!call.connecting) return;
  call.connecting = false;
  clearTimeout(call.inbound.timer);
  tell({ kind: 'connected', party: call.inbound });
}

function ringCaller() {
  if (!call.attended && !call.inboundEnded) call.inbound.call.ring();
}

// A caller whom we have answered hears ringing from us.
function playRingback() {
  if (!call.attended || call.inboundEnded || call.hearsRingback) return;
  call.hearsRingback = true;
  harmless(() => call.inbound.call.playProgressTone(call.language.startsWith('ru') ? 'RU' : 'US'))();
}

function playBusy() {
  const script = call.number.replace('+', '').startsWith('1') ? AMERICAN_BUSY : BUSY;
  VoxEngine.createToneScriptPlayer(script).sendMediaTo(call.inbound.call);
}

// Somebody has answered and may still accept the call: not even then may the platform drop
// the caller.
function holdCaller() {
  const pending = call.legs.some((leg) => leg.answeredAt && !leg.over);
  if (call.attended || call.result || !pending) return;
  answerCaller();
  call.held = true;
}

// --- What is heard and keyed ----------------------------------------------------------------

function hear(one) {
  one.call.addEventListener(CallEvents.PlaybackFinished, guarded(() => onPlayed(one)));
  one.call.addEventListener(CallEvents.ToneReceived, guarded((event) => onTone(one, event)));
}

function listen(one) {
  if (one.listening) return;
  one.listening = true;
  harmless(() => {
    Logger.hideTones(true);
    one.call.handleTones(true, DTMFType.ALL);
  })();
}

function stopListening(one) {
  if (!one.listening) return;
  one.listening = false;
  harmless(() => one.call.handleTones(false))();
}

function onTone(one, event) {
  // Some networks deliver each key in two ways: that of the first key counts.
  one.way = one.way || event.type;
  if (!one.listening || one.way !== event.type || !isKey(event.tone)) return;
  tell({ kind: 'key', party: one, key: event.tone });
}

// A prompt whose end is never told is over some time after.
function play(one, prompt) {
  one.playing = true;
  if (prompt.link) playFile(one, prompt);
  else speak(one, prompt);
}

function speak(one, prompt) {
  if (!prompt.text) {
    Logger.write('ringtrace: a tone stands for a sound');
    playTones(one, STAND_IN);
    return;
  }
  wait(one, SPARE_SECONDS + prompt.text.length / SLOWEST_LETTERS, onPlayed);
  try {
    const voice = voiceOf(prompt.language);
    one.call.say(prompt.text, voice ? { voice } : {});
  } catch (error) {
    Logger.write(`ringtrace: nothing was said (${error.message})`);
    wait(one, 0, onPlayed);
  }
}

// One that does not begin in time, or fails, is said instead.
function playFile(one, prompt) {
  const isPlaying = () => one.playing && one.player === player;
  const instead = (why) => {
    Logger.write(`ringtrace: the sound was not played (${why})`);
    stopFile(one);
    speak(one, prompt);
  };
  let player = null;
  wait(one, FILE_STARTS_SECONDS, () => instead('it did not begin'));
  try {
    player = VoxEngine.createURLPlayer(config.url + prompt.link, { progressivePlayback: true });
    one.player = player;
    player.addEventListener(PlayerEvents.Started, guarded(() => {
      if (isPlaying()) wait(one, LONGEST_FILE_SECONDS, onPlayed);
    }));
    player.addEventListener(PlayerEvents.PlaybackFinished, guarded((event) => {
      if (!isPlaying()) return;
      if (event.error) instead(event.error);
      else onPlayed(one);
    }));
    player.sendMediaTo(one.call);
  } catch (error) {
    instead(error.message);
  }
}

// Its end is not told any more.
function stopFile(one) {
  const { player } = one;
  one.player = null;
  if (player) harmless(() => player.stop())();
}

function beep() {
  call.inbound.playing = true;
  playTones(call.inbound, BEEP);
}

function playTones(one, script) {
  wait(one, LONGEST_BEEP_SECONDS, onPlayed);
  try {
    const player = VoxEngine.createToneScriptPlayer(script);
    one.player = player;
    player.addEventListener(PlayerEvents.PlaybackFinished, guarded(() => {
      if (one.player === player) onPlayed(one);
    }));
    player.sendMediaTo(one.call);
  } catch (error) {
    Logger.write(`ringtrace: no tone (${error.message})`);
    wait(one, 0, onPlayed);
  }
}

function onPlayed(one) {
  if (!one.playing) return;
  one.playing = false;
  one.player = null;
  clearTimeout(one.timer);
  tell({ kind: 'played', party: one });
}

// The end of a playback that is stopped is not told.
function silence(one) {
  clearTimeout(one.timer);
  if (!one.playing) return;
  one.playing = false;
  if (one.player) stopFile(one);
  else harmless(() => one.call.stopPlayback())();
}

function wait(one, seconds, then = onExpired) {
  clearTimeout(one.timer);
  one.timer = setTimeout(guarded(() => then(one)), seconds * 1000);
}

function onExpired(one) {
  tell({ kind: 'expired', party: one });
}

function voiceOf(language) {
  const similar = Object.keys(VOICES).find((known) => known.slice(0, 2) === language.slice(0, 2));
  const names = VOICES[language] || VOICES[similar] || [];
  const name = names.find((known) => VoiceList.Amazon[known]);
  if (!name) Logger.write(`ringtrace: no voice for ${language}`);
  return name ? VoiceList.Amazon[name] : null;
}

function record(one, both) {
  const recording = { url: null, seconds: null, channels: both ? 2 : 1, over: false };
  one.call.addEventListener(CallEvents.RecordStarted, (event) => { recording.url = event.url; });
  one.call.addEventListener(CallEvents.RecordStopped, guarded((event) => {
    recording.seconds = event.duration;
    recording.over = true;
    settle();
  }));
  one.call.addEventListener(CallEvents.RecordError, () => { recording.over = true; });
  one.call.record({ stereo: both });
  call.recording = recording;
}

// --- The targets ----------------------------------------------------------------------------

// The new leg; null when the platform would drop the caller before anybody could answer.
function dial(target, step, alone) {
  const waited = secondsBetween(call.startedAt, Date.now());
  const left = call.attended ? Infinity : CALLER_WAITS_SECONDS - waited;
  if (left < SHORTEST_RING_SECONDS) return null;
  const seconds = Math.min(target.ringSeconds, left);
  const leg = {
    ...party(null),
    number: call.legs.length + 1,
    target: target.to,
    mostCalls: target.mostCalls,
    record: target.record,
    startedAt: Date.now(),
    answeredAt: 0,
    joinedAt: 0,
    endedAt: 0,
    code: null,
    reason: null,
    // Whether the backend knows of it.
    told: false,
    // Whether the target can still be joined, and whether the platform has told its end.
    over: false,
    gone: false,
  };
  call.legs.push(leg);
  Logger.write(`ringtrace: dialling ${masked(target.to)} for ${Math.round(seconds)} s`);
  wait(leg, seconds);
  if (leg.mostCalls) guarded(() => connectIfRoom(leg, target, step, alone))();
  else connect(leg, target, step, alone);
  return leg;
}

async function connectIfRoom(leg, target, step, alone) {
  const free = await hasRoom(leg);
  if (leg.over) {
    letGo(leg);
    return;
  }
  if (free) {
    connect(leg, target, step, alone);
  } else {
    Logger.write('ringtrace: that target has as many calls as it takes');
    closeLeg(leg, FULL);
    leg.gone = true;
  }
  if (!leg.over) return;
  tell({ kind: 'left', party: leg });
  settle();
}

// Sessions know nothing of each other, so the backend counts the calls of a target with a cap. A
// backend that is away, or does not say in time, is no reason not to ring.
async function hasRoom(leg) {
  if (call.roomUnknown || call.planSource === 'cache') return true;
  leg.told = true;
  const note = { leg: leg.number, target: leg.target, most_calls: leg.mostCalls };
  const answer = await post(legsPath(), note, ROOM_SECONDS);
  try {
    if (answer.code !== 200) throw new Error(`the backend answered ${answer.code}`);
    return JSON.parse(answer.text).free !== false;
  } catch (error) {
    Logger.write(`ringtrace: whether there is room is not known (${error.message})`);
    call.roomUnknown = true;
    return true;
  }
}

// A leg that talks to the caller is told of again and again, else it would be taken for over.
function keepTelling(leg) {
  setTimeout(guarded(() => {
    if (leg.over || call.result) return;
    quietly(() => post(legsPath(), { leg: leg.number, target: leg.target }, ROOM_SECONDS));
    keepTelling(leg);
  }), TOLD_SECONDS * 1000);
}

// The leg is over and the call goes on; when that ends too, its report says so.
function letGo(leg) {
  if (leg.told) quietly(() => post(legsPath(), { leg: leg.number }, ROOM_SECONDS));
}

function connect(leg, target, step, alone) {
  try {
    leg.call = place(target, step);
  } catch (error) {
    Logger.write(`ringtrace: not dialled (${error.message})`);
    closeLeg(leg, null);
    leg.gone = true;
    letGo(leg);
    return;
  }
  // Who has to be spoken to first, or rings beside others, is not heard before he is joined.
  if (alone && !step.whisper && !step.accept) {
    leg.call.addEventListener(CallEvents.AudioStarted, harmless(() => onEarlyMedia(leg)));
  }
  leg.call.addEventListener(CallEvents.Ringing, harmless(ringCaller));
  leg.call.addEventListener(CallEvents.Connected, guarded(() => onAnswer(leg)));
  leg.call.addEventListener(CallEvents.Failed, guarded((event) => onLegEnded(leg, event.code)));
  leg.call.addEventListener(CallEvents.Disconnected, guarded(() => onLegEnded(leg, CANCELLED)));
  hear(leg);
}

function place(target, step) {
  if (isSip(target.to)) return VoxEngine.callSIP(target.to, { callerid: step.callerId });
  // The caller's own number is let through only so.
  const followDiversion = step.callerId === digits(call.caller || '');
  return VoxEngine.callPSTN(digits(target.to), step.callerId, { followDiversion });
}

function onEarlyMedia(leg) {
  if (leg.over || call.inboundEnded) return;
  if (!call.attended) call.inbound.call.startEarlyMedia();
  call.hearsRingback = false;
  leg.call.sendMediaTo(call.inbound.call);
}

function onAnswer(leg) {
  if (leg.over || call.result) {
    // The answer crossed our hanging up.
    leg.call.hangup();
    return;
  }
  if (leg.answeredAt) return;
  clearTimeout(leg.timer);
  leg.answeredAt = Date.now();
  leg.code = 200;
  tell({ kind: 'answered', party: leg });
}

function onLegEnded(leg, code) {
  leg.gone = true;
  if (!leg.over) {
    closeLeg(leg, code);
    if (!leg.joinedAt) letGo(leg);
    tell({ kind: 'left', party: leg });
  }
  settle();
}

// What became of a leg: `reason` where it is not its own doing.
function closeLeg(leg, code, reason) {
  leg.over = true;
  leg.endedAt = Date.now();
  clearTimeout(leg.timer);
  if (leg.joinedAt) return;
  if (!leg.answeredAt) leg.code = isSipCode(code) ? code : null;
  const own = leg.answeredAt ? 'no_operator_confirmation' : failure(leg.code)[1];
  leg.reason = reason || own;
}

// The platform tells its end, but nothing waits for that.
function drop(leg) {
  if (leg.call) harmless(() => leg.call.hangup())();
  else leg.gone = true;
}

function dropAll(reason) {
  call.legs.filter((leg) => !leg.over).forEach((leg) => {
    closeLeg(leg, CANCELLED, reason);
    drop(leg);
  });
}

function failure(code) {
  return FAILURES[code] || INTERNAL_ERROR;
}

// --- The end --------------------------------------------------------------------------------

function onInboundEnded() {
  call.inboundEnded = true;
  clearTimeout(call.inbound.timer);
  finish(true);
}

function finish(callerLeft) {
  dropAll('caller_disconnects');
  const [outcome, reason, code] = verdict(callerLeft && !call.gaveUpAt);
  conclude(outcome, reason, code);
  if (!callerLeft) release(call.ending ? call.ending.code : REFUSALS[outcome] || REFUSAL);
  settle();
}

// Without a talk, a message or a caller who left it is what the plan says that ended the call,
// else the last target.
function verdict(callerLeft) {
  const last = call.legs[call.legs.length - 1];
  if (success()) return success();
  if (callerLeft) return ['abandoned', 'caller_disconnects', CANCELLED];
  if (call.ending) return decided(call.ending);
  if (!last) return call.planSource === 'fallback' ? [...INTERNAL_ERROR, null] : NOBODY;
  if (last.reason === 'no_operator_confirmation') return ['missed', last.reason, NOBODY[2]];
  return [...failure(last.code), last.code];
}

function success() {
  if (call.joined) return ['answered', null, 200];
  return call.messageAt ? ['voicemail', null, 200] : null;
}

function decided({ code, reason }) {
  const why = reason || failure(code)[1];
  return [why === NOBODY[1] ? 'missed' : 'rejected', why, code];
}

// Lets the caller go, with a code if he was never answered.
function release(code) {
  if (call.inboundEnded) return;
  if (call.attended) call.inbound.call.hangup();
  else call.inbound.call.reject(code);
}

function conclude(outcome, reason, code) {
  if (call.result) return;
  call.result = { outcome, reason, code };
  call.endedAt = call.gaveUpAt || Date.now();
  setTimeout(guarded(report), SETTLE_SECONDS * 1000);
}

// Report as soon as nothing more can come.
function settle() {
  const recorded = !call.recording || call.recording.over;
  if (!call.result || !call.inboundEnded || call.looking) return;
  if (recorded && call.legs.every((leg) => leg.gone)) report();
}

// An error of ours: the caller gets the fallback target, unless somebody hears him already.
function rescue(error) {
  Logger.write(`ringtrace: error ${error && error.message}\n${error && error.stack}`);
  if (!call.inbound || success() || call.result) return;
  dropAll();
  if (call.rescued) {
    conclude(...INTERNAL_ERROR, null);
    release(REFUSAL);
    return;
  }
  call.rescued = true;
  call.looking = false;
  const decision = fallbackDecision();
  if (call.legs.length > 0) decision.source = call.planSource;
  guarded(start)(decision);
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
  return (...subjects) => {
    try {
      handler(...subjects);
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
    const [outcome, reason, code] = success() || [...INTERNAL_ERROR, null];
    call.result = { outcome, reason, code };
    call.endedAt = Date.now();
  }
  const options = request(reportBody(), LAST_CHANCE_SECONDS);
  Net.httpRequest(config.url + reportPath(), () => {}, options);
}

function callPath() {
  return `/gateway/v1/calls/${encodeURIComponent(call.id)}`;
}

function legsPath() {
  return `${callPath()}/legs`;
}

function reportPath() {
  return `${callPath()}/report`;
}

// The same text each time it is sent.
function reportBody() {
  if (call.reportBody) return call.reportBody;
  const { outcome, reason, code } = call.result;
  const last = call.joined || call.legs[call.legs.length - 1];
  const heard = call.joined ? call.joined.joinedAt : call.messageAt;
  call.reportBody = {
    number: call.number,
    caller: call.caller,
    started_at: timestamp(call.startedAt),
    outcome,
    reason,
    code,
    target: last ? last.target : null,
    ring_seconds: secondsBetween(call.startedAt, heard || call.endedAt),
    talk_seconds: call.joined ? talkSeconds(call.joined) : 0,
    legs: call.legs.map(legReport),
    recording: recordingReport(),
    session: call.id,
    plan_source: call.planSource,
    digits: call.digits || null,
    box: call.box,
    flow: call.flow,
  };
  return call.reportBody;
}

function legReport(leg) {
  return {
    target: leg.target,
    started_at: timestamp(leg.startedAt),
    ring_seconds: secondsBetween(leg.startedAt, leg.answeredAt || leg.endedAt || call.endedAt),
    talk_seconds: talkSeconds(leg),
    code: leg.code,
    reason: leg.reason,
  };
}

function talkSeconds(leg) {
  return leg.joinedAt ? secondsBetween(leg.joinedAt, leg.endedAt || call.endedAt) : 0;
}

function recordingReport() {
  const { recording } = call;
  if (!recording || !recording.url) return null;
  if (typeof recording.seconds !== 'number') return { url: recording.url };
  return { url: recording.url, seconds: recording.seconds, channels: recording.channels };
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

function isKey(text) {
  return /^[0-9*#]$/.test(text);
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
