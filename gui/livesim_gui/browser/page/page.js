// Come in, with the token where there is one, and begin to watch.

import { watch } from "./live.js";
import { offerTrial } from "./trial.js";
import { find, say } from "./words.js";

async function enter(token) {
  const answer = await fetch("/enter", { method: "POST", body: token });
  return answer.ok ? "" : answer.text();
}

// An address that ends in #TOKEN lets in whoever follows it; no server is sent that part.
async function begin() {
  const given = decodeURIComponent(location.hash.slice(1));
  if (given) {
    await enter(given);
    history.replaceState(null, "", location.pathname);
  }
  const answer = await fetch("/offer");
  find("door").hidden = answer.status !== 401;
  find("live").hidden = !answer.ok;
  if (!answer.ok) return;
  offerTrial(Number(await answer.text()));
  watch();
}

find("door").onsubmit = async (event) => {
  event.preventDefault();
  const words = await enter(find("token").value);
  say("door-words", words);
  if (!words) begin();
};

for (const [button, other] of [["live", "try"], ["try", "live"]]) {
  find(`show-${button}`).onclick = () => {
    find(button).hidden = false;
    find(other).hidden = true;
    find(`show-${button}`).setAttribute("aria-pressed", "true");
    find(`show-${other}`).setAttribute("aria-pressed", "false");
  };
}

begin();
