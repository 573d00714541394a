// Small comforts over pages that work without: theme, local times, copying, players.

const root = document.documentElement;

function startThemeToggle() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      root.dataset.theme = next;
      try {
        localStorage.setItem("ringtrace-theme", next);
      } catch {
        // Not remembered, but switched.
      }
    });
  }
}

// The server writes times in the zone of this cookie; the first page it does not know yet.
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === root.dataset.zone) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `ringtrace_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  const formats = {
    clock: { hour: "2-digit", minute: "2-digit" },
    seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
    day: { day: "numeric", month: "short", year: "numeric" },
  };
  for (const time of document.querySelectorAll("time[data-as]")) {
    const options = { ...formats[time.dataset.as], hourCycle: "h23", timeZone: zone };
    time.textContent = new Intl.DateTimeFormat("en-GB", options).format(new Date(time.dateTime));
  }
  for (const label of document.querySelectorAll("[data-zone-name]")) label.textContent = zone;
}

function startCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1600);
    });
  }
}

function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const SHAPES = { play: "M8 5.5v13l10.5-6.5z", pause: "M7 5.5h3.6v13H7zM13.4 5.5H17v13h-3.6z" };

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

// The browser's own player is too wide for a table; this one is a button, a slider and a time.
function startPlayer(box) {
  const audio = box.querySelector("audio");
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const slider = Object.assign(document.createElement("input"), {
    type: "range", min: 0, max: 1000, value: 0, disabled: true,
  });
  const time = document.createElement("span");
  const length = box.dataset.length;
  button.className = "player-button";
  slider.setAttribute("aria-label", "Position in the recording");
  time.className = "player-time";
  time.textContent = length;

  const show = () => {
    const playing = !audio.paused && !audio.ended;
    button.replaceChildren(icon(playing ? "pause" : "play"));
    button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${box.dataset.label}`);
  };
  const place = () => {
    const share = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    slider.value = Math.round(share * 1000);
    slider.style.setProperty("--played", `${share * 100}%`);
    time.textContent = audio.currentTime > 0 ? clock(audio.currentTime) : length;
  };
  button.addEventListener("click", () => {
    if (!audio.paused) {
      audio.pause();
      return;
    }
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    audio.play().catch(() => {});
  });
  slider.addEventListener("input", () => {
    audio.currentTime = (slider.value / 1000) * audio.duration;
  });
  audio.addEventListener("loadedmetadata", () => {
    slider.disabled = !Number.isFinite(audio.duration);
  });
  audio.addEventListener("timeupdate", place);
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, show);
  audio.addEventListener("error", () => {
    button.disabled = true;
    time.textContent = "Reload to play";
    time.title = "The link has expired or the recording cannot be fetched.";
  });

  show();
  box.append(button, slider, time);
  box.classList.add("player-ready");
}

// The server refuses what is larger; said before it is sent, nothing that was typed is lost.
function startSizeCheck(input) {
  const most = Number(input.dataset.mostBytes);
  input.addEventListener("change", () => {
    const isLarge = [...input.files].some((file) => file.size > most);
    input.setCustomValidity(isLarge ? `At most ${Math.floor(most / 1048576)} MB.` : "");
    input.reportValidity();
  });
}

startThemeToggle();
tellZone();
startCopying();
for (const box of document.querySelectorAll("[data-player]")) startPlayer(box);
for (const input of document.querySelectorAll("[data-most-bytes]")) startSizeCheck(input);
