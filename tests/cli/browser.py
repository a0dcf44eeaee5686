# SPDX-License-Identifier: MIT
"""Chromium without a window, driven through its DevTools protocol over two pipes. Nothing but Chromium is needed.

    with Browser() as browser:
        browser.open(path)
        browser.press("#results th:nth-child(2) button")
        names = browser.value("[...document.querySelectorAll('td')].map(cell => cell.textContent)")

Every request, console message and exception of the page is kept in browser.events.
"""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
COMMAND = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ("--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--no-default-browser-check",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--mute-audio",
         "--window-size=1280,1000")
SECONDS = 60  # for an answer


class Browser:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self.into = os.pipe()
        self.out, theirs_out = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={self.folder.name}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        # Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
        words = ["/bin/sh", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh", COMMAND, *flags, "about:blank"]
        self.process = subprocess.Popen(words, pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        page = next(each for each in self.call("Target.getTargets")["targetInfos"] if each["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        os.close(self.into)
        os.close(self.out)
        self.folder.cleanup()

    def call(self, method, **parameters):
        """Sends a command and waits for its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.into, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda each: each.get("id") == self.number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _until(self, wanted):
        """The first message that is wanted; the events on the way are kept."""
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" in self.buffer:
                text, _, self.buffer = self.buffer.partition(b"\0")
                message = json.loads(text)
                if "method" in message:
                    self.events.append(message)
                if wanted(message):
                    return message
            if not select.select([self.out], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"Chromium gave no answer within {SECONDS} s")
            data = os.read(self.out, 1 << 16)
            if not data:
                raise RuntimeError("Chromium has ended")
            self.buffer += data

    def open(self, path):
        self.call("Page.navigate", url=path.resolve().as_uri())
        self._until(lambda each: each.get("method") == "Page.loadEventFired")

    def value(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description", expression))
        return result["result"].get("value")

    def press(self, selector):
        """Presses the mouse in the middle of an element, wherever that is: what is there gets it."""
        place = self.value(f"""(() => {{ const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}}); const box = element.getBoundingClientRect();
            return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def key(self, name, text=""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=13 if
                      name == "Enter" else 9, **({"text": text} if text and kind == "keyDown" else {}))

    def of(self, method):
        """What is known of all events of a kind."""
        return [event["params"] for event in self.events if event["method"] == method]
