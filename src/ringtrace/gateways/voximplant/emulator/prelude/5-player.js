const PLAYERS = 10;
const players = new Map();
let lastPlayer = 0;
let playerHappened;

// (script, {loop, progressivePlayback}), and before that (script, loop).
class Player {
  static {
    playerHappened = (player, name, fields) => {
      if (name === PlayerEvents.PlaybackFinished || name === PlayerEvents.Stopped) {
        players.delete(player.#id);
      }
      player.#listeners.dispatch(name, { ...fields, name, player });
    };
  }

  #id;
  #listeners = new Listeners();

  constructor(command, data) {
    if (players.size >= PLAYERS) throw new Error(`Exceeded the player count limit of ${PLAYERS}`);
    this.#id = `${config.sessionId}.player.${++lastPlayer}`;
    players.set(this.#id, this);
    this.#send(command, data);
  }

  id() { return this.#id; }
  toString() { return `Player ${this.#id}`; }
  toJSON() { return { id: this.#id }; }

  addEventListener(event, listener) {
    if (typeof event === 'string' && !SENT_PLAYER_EVENTS.has(event)) {
      send('Warning', { text: `the emulator never sends ${event} to a player` });
    }
    this.#listeners.add(event, listener);
  }

  removeEventListener(event, listener) { this.#listeners.remove(event, listener); }

  sendMediaTo(unit) { this.#send('PlayerSendMediaTo', { to: unit.id() }); }
  stopMediaTo(unit) { this.#send('PlayerStopMediaTo', { to: unit.id() }); }
  stop() { this.#send('StopPlayer', {}); }

  #send(command, data) { send(command, { id: this.#id, ...data }); }
}

lacking(Player.prototype, 'Player', ['addMarker', 'pause', 'resume']);

// (url, {loop, …}) or ({url}, {loop, …}), and before that (url, loop).
function urlPlayer(request, parameters) {
  const options = isPlain(parameters) ? parameters || {} : { loop: parameters };
  const asked = typeof request === 'object' && request !== null ? request : { url: request };
  if (options.onPause) notEmulated('VoxEngine.createURLPlayer with onPause')();
  if (asked.body || asked.headers || (asked.method && String(asked.method).toUpperCase() !== 'GET')) {
    notEmulated('VoxEngine.createURLPlayer with a method, headers or a body')();
  }
  return new Player('CreateURLPlayer', { url: String(asked.url), loop: Boolean(options.loop) });
}

function toneScriptPlayer(script, parameters) {
  const options = isPlain(parameters) ? parameters || {} : { loop: parameters };
  return new Player('CreateToneScriptPlayer', { script: String(script), loop: Boolean(options.loop) });
}
