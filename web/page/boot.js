// Opens the way to the box while the rest of the page is still on its own way, then hands
// it over. Without a box to talk to, or after a crash, it says so.
let socket;
try {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
  socket.binaryType = "arraybuffer";
} catch {
  // The module tries again, and says why it cannot.
}

// Resolves once there is a page to show anything on.
const ready = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  document.addEventListener("DOMContentLoaded", resolve);
});

function say(what) {
  const status = document.getElementById("status");
  document.body.dataset.status = what;
  status.textContent = status.dataset[what];
}

// A module that trapped is in no state to go on.
addEventListener("error", (event) => {
  if (!(event.error instanceof WebAssembly.RuntimeError)) return;
  say("broken");
  // Not at once, and not for ever faster: a page that cannot run must not storm the box.
  setTimeout(() => location.reload(), 5000 + 10000 * Math.random());
});

try {
  const [module, code] = [import("./viewer.js"), fetch(new URL("./viewer.wasm", import.meta.url))];
  const { default: init, start } = await module;
  await init({ module_or_path: code });
  await ready;
  start(socket);
} catch (error) {
  console.error(error);
  await ready;
  say("unsupported");
}
