"""A headless Chromium, driven over a pipe by its DevTools protocol: no port, no other package."""

import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from lab import Failure

NAMES = ("chromium", "chromium-browser", "google-chrome")
# A browser that does not answer for so long hangs; on a busy machine its start alone takes twenty seconds.
PATIENCE = 60
# Keys that are more than a character: their code, and what they type.
KEYS = {
    "Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "ArrowUp": (38, ""),
    "ArrowDown": (40, ""), "Backspace": (8, ""), "End": (35, ""), "Home": (36, ""),
}


def find():
    """The browser's path, or nothing."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """The process. `pages` are opened in it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="page-test.")
        theirs, self.to = os.pipe()
        self.answers, ours = os.pipe()
        # It reads file 3 and writes file 4, whatever they are called here.
        command = f'exec "$0" "$@" 3<&{theirs} 4>&{ours}'
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--no-default-browser-check", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
            "--disable-backgrounding-occluded-windows", "--mute-audio",
            "--remote-debugging-pipe", f"--user-data-dir={self.folder}",
        ]
        home = {"HOME": self.folder, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"}
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen(
            ["bash", "-c", command, find(), *options], pass_fds=(theirs, ours), env=home,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(theirs)
        os.close(ours)
        self.numbers, self.rest, self.events = itertools.count(1), b"", []

    def call(self, method, session=None, **params):
        """Asks for something and waits for its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.read(deadline, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def read(self, deadline, method):
        while b"\0" not in self.rest:
            wait = deadline - time.monotonic()
            if wait <= 0 or not select.select([self.answers], [], [], wait)[0]:
                raise Failure(f"the browser does not answer {method}")
            data = os.read(self.answers, 1 << 20)
            if not data:
                raise Failure(f"the browser has ended: {self.last_words()}")
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def last_words(self):
        with open(self.log.name) as log:
            return log.read()[-500:]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.answers)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """A tab."""

    def __init__(self, browser, url, width=1200, height=760):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")
        self.resize(width, height)
        self.call("Page.navigate", url=url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def resize(self, width, height, scale=1, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=mobile)

    def prefer(self, **features):
        """Media features: prefers_color_scheme="dark"."""
        pairs = [{"name": n.replace("_", "-"), "value": v} for n, v in features.items()]
        self.call("Emulation.setEmulatedMedia", features=pairs)

    def value(self, expression):
        """What a JavaScript expression gives."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                         awaitPromise=True)
        if "exceptionDetails" in done:
            raise Failure(f"{expression}: {json.dumps(done['exceptionDetails'])[:400]}")
        return done["result"].get("value")

    def wait(self, expression, seconds=10):
        """Waits until it is true."""
        deadline = time.monotonic() + seconds
        # What it looks at may not be there yet.
        attempt = f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"
        while not self.value(attempt):
            if time.monotonic() > deadline:
                log = self.value("document.body?.innerText ?? ''")
                raise Failure(f"not within {seconds:g} s: {expression}\npage: {log[-1500:]}")
            time.sleep(0.02)

    def shows(self, text, seconds=10):
        """Waits until the messages have `text`."""
        needle = json.dumps(text)
        self.wait(f"document.getElementById('log')?.innerText.includes({needle})", seconds)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def key(self, key, modifiers=0):
        """Presses a key; `modifiers`: 1 Alt, 2 Ctrl, 8 Shift."""
        code, text = KEYS.get(key) or (ord(key.upper()), key)
        named = dict(key=key, windowsVirtualKeyCode=code, modifiers=modifiers)
        if text and not modifiers & 3:
            named["text"] = text
        self.call("Input.dispatchKeyEvent", type="keyDown", **named)
        named.pop("text", None)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def clear(self, text):
        """Takes away what is in the field, which is `text`."""
        for _ in text:
            self.key("Backspace")

    def say(self, text):
        self.type(text)
        self.key("Enter")

    def close(self):
        self.call("Page.close")

    def troubles(self):
        """What the browser complained of: errors of the script, violations of the policy."""
        troubles = []
        for event in self.browser.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                troubles.append(params["exceptionDetails"].get("exception", {}).get(
                    "description", params["exceptionDetails"]["text"]))
            entry = params.get("entry", {})
            if event.get("method") == "Log.entryAdded" and entry.get("level") == "error":
                troubles.append(f"{entry.get('text')} {entry.get('url', '')}")
        return troubles

    def screenshot(self, path):
        import base64
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
