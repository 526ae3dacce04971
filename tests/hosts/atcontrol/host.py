"""adafruit-circuitpython-esp-atcontrol, unmodified, against a module of espat on a PTY in realistic timing: scans, joins, resolves
a mapped name, pings, gets the time from a local server, GETs and POSTs over a local HTTP server, and echoes over UDP.

`host.py ESPAT` starts the `espat` binary named and everything else that it needs, under a Python that has what requirements.txt
names. Exit code 0: everything was as expected.

The peers answer after 300 ms: the driver throws away what arrives while it still waits for SEND OK, and a faster answer is lost on
the real module too.
"""

import contextlib
import hashlib
import http.server
import io
import json
import os
import pathlib
import queue
import signal
import socket as host_socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import adafruit_requests
import serial
from adafruit_espatcontrol import adafruit_espatcontrol_socket
from adafruit_espatcontrol.adafruit_espatcontrol import ESP_ATcontrol

# The driver knows `SEND OK` only where nothing follows yet, however busy this computer is.
PEER_DELAY = 0.5
LIMIT = 300
START = 60
STOP = 60
SSID, PASSWORD = "hosts", "secret1234"
NAME = "server.test"
TIME_SERVER = "time.test"
# More than one +IPD, and not a multiple of anything.
BIG = b"".join(hashlib.sha256(str(i).encode()).hexdigest().encode() for i in range(110))[:6999]


class Daemon:
    """The `espat` binary as its users start it, in a process group that never outlives us."""

    def __init__(self, espat, link, *options):
        self.link = link
        self.process = subprocess.Popen(
            [espat, "run", "--pty", link, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def wait_for_port(self):
        line = self.lines.get(timeout=START)
        assert line.startswith(f"pty {self.link} -> "), f"espat said {line!r}"

    def stop(self):
        """Ends the module as a user would: SIGTERM, and then it has to exit with 0."""
        os.killpg(self.process.pid, signal.SIGTERM)
        status = self.process.wait(timeout=STOP)
        assert status == 0, f"espat ended with {status} on SIGTERM"
        assert not os.path.lexists(self.link), f"espat left {self.link} behind"

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Http(http.server.BaseHTTPRequestHandler):
    """GET /hello and /big, POST /echo; the connection stays open in between."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        body = {"/hello": b"hello from the peer", "/big": BIG}.get(self.path)
        self._answer(404 if body is None else 200, body or b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = json.dumps({"path": self.path, "you_sent": json.loads(body)})
        self._answer(200, said.encode())

    def _answer(self, status, body):
        time.sleep(PEER_DELAY)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


def http_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Http)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def udp_echo():
    peer = host_socket.socket(host_socket.AF_INET, host_socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))

    def answer():
        while True:
            data, sender = peer.recvfrom(2048)
            time.sleep(PEER_DELAY)
            peer.sendto(data[::-1], sender)

    threading.Thread(target=answer, daemon=True).start()
    return peer.getsockname()[1]


def time_server():
    """Says that it is a moment after 2023-11-14 22:13:20 UTC."""
    peer = host_socket.socket(host_socket.AF_INET, host_socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))
    now = struct.pack("!II", 1_700_000_000 + 2_208_988_800, 1 << 31)

    def answer():
        while True:
            question, sender = peer.recvfrom(2048)
            head = bytes([0b00_100_100, 1]) + bytes(22)
            peer.sendto(head + question[40:48] + now + now, sender)

    threading.Thread(target=answer, daemon=True).start()
    return peer.getsockname()[1]


class Steps:
    """Says what was done, and when; what the driver prints meanwhile is kept for a failure."""

    def __init__(self):
        self.start = time.monotonic()
        self.out = sys.stdout
        self.driver = io.StringIO()

    def done(self, what):
        print(f"{time.monotonic() - self.start:6.2f} s  {what}", file=self.out, flush=True)

    def last_words(self):
        return "\n".join(self.driver.getvalue().splitlines()[-30:])


def same(what, got, expected):
    assert got == expected, f"{what}: {got!r} instead of {expected!r}"


def wifi(esp, steps):
    esp.begin()
    assert "AT version:" in (esp.version or ""), f"the version is {esp.version!r}"
    steps.done(f"began; {esp.version}")
    found = {entry[1]: entry for entry in esp.scan_APs()}
    same("networks found", sorted(found), ["guests", SSID])
    same("encryption of hosts, guests", [found[SSID][0] > 0, found["guests"][0]], [True, 0])
    steps.done("scanned")
    esp.connect({"ssid": SSID, "password": PASSWORD})
    same("is_connected", esp.is_connected, True)
    same("local_ip", esp.local_ip, "127.0.0.1")
    steps.done("joined")
    same(f"nslookup of {NAME}", esp.nslookup(NAME), "127.0.0.1")
    steps.done("resolved a mapped name")


def ping(esp, steps):
    ms = esp.ping(NAME)
    if ms is None:
        steps.done("pinged in vain: where the log above says so, the user may send no ICMP")
    else:
        assert 0 <= ms < 3000, f"a ping of {NAME} takes {ms!r} ms"
        steps.done("pinged a mapped name")


def clock(esp, steps):
    shown = esp.sntp_time
    assert shown.startswith((b"Thu Jan  1 00:", b"Thu Jan 01 00:")) and shown.endswith(b" 1970"), f"before the first answer: {shown!r}"
    esp.sntp_config(True, 2, TIME_SERVER)
    # lwIP lets up to 5 s go by before it asks.
    end = time.monotonic() + START
    while shown.endswith(b" 1970"):
        assert time.monotonic() < end, f"the clock still shows {shown!r}"
        time.sleep(0.2)
        shown = esp.sntp_time
    assert shown.startswith(b"Wed Nov 15 00:1") and shown.endswith(b" 2023"), f"the clock shows {shown!r}"
    steps.done("got the time")


def http_requests(esp, port, steps):
    adafruit_requests.set_socket(adafruit_espatcontrol_socket, esp)
    url = f"http://{NAME}:{port}"
    esp.conntype = esp.TYPE_TCP
    with adafruit_requests.get(f"{url}/hello", timeout=10) as answer:
        same("GET /hello", (answer.status_code, answer.text), (200, "hello from the peer"))
    steps.done("GET")
    with adafruit_requests.get(f"{url}/big", timeout=10) as answer:
        same("GET /big", (answer.status_code, answer.content), (200, BIG))
    steps.done(f"GET of {len(BIG)} bytes")
    said = {"temperature": 21.5, "name": "kitchen"}
    with adafruit_requests.post(f"{url}/echo", json=said, timeout=10) as answer:
        same("POST /echo", answer.json(), {"path": "/echo", "you_sent": said})
    steps.done("POST")
    esp.socket_disconnect()


def udp(esp, port, steps):
    same("UDP link", esp.socket_connect(esp.TYPE_UDP, "127.0.0.1", port), True)
    for size in (1, 40, 1000):
        said = bytes(BIG[:size])
        esp.socket_send(said)
        same(f"echo of {size} bytes", bytes(esp.socket_receive(timeout=5)), said[::-1])
    esp.socket_disconnect()
    steps.done("echoed over UDP")


def drive(daemon, profile, http_port, udp_port, steps):
    daemon.wait_for_port()
    with serial.Serial(daemon.link, 115200, timeout=1) as uart:
        # 2.2 has CWSTATE without CIPSTATE, so the driver's choice between its two ways would be wrong.
        esp = ESP_ATcontrol(uart, 115200, debug=True, use_cipstatus=profile.endswith("-2.2"))
        wifi(esp, steps)
        ping(esp, steps)
        clock(esp, steps)
        http_requests(esp, http_port, steps)
        # NonOS says `0,CONNECT`, where the driver waits for `CONNECT`.
        if "nonos" not in profile:
            udp(esp, udp_port, steps)
        esp.disconnect()
        same("is_connected", esp.is_connected, False)
        steps.done("left")


def main(profile, espat):
    http_port, udp_port = http_server(), udp_echo()
    steps = Steps()
    folder = tempfile.TemporaryDirectory(prefix="espat-atcontrol-")
    daemon = Daemon(
        espat,
        str(pathlib.Path(folder.name) / "module"),
        *("--profile", profile, "--timing", "realistic", "--map", f"{NAME}=127.0.0.1"),
        *("--map", f"{TIME_SERVER}:123=127.0.0.1:{time_server()}"),
        *("--ap", f"{SSID}={PASSWORD}", "--ap", "guests"),
    )

    def give_up():
        print(f"error: no end within {LIMIT} s; the driver's last words:\n{steps.last_words()}", file=sys.stderr, flush=True)
        daemon.kill()
        os._exit(1)

    watchdog = threading.Timer(LIMIT, give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        with contextlib.redirect_stdout(steps.driver):
            drive(daemon, profile, http_port, udp_port, steps)
        daemon.stop()
    except Exception:
        traceback.print_exc()
        print(f"error: the driver's last words:\n{steps.last_words()}", file=sys.stderr)
        return 1
    finally:
        daemon.kill()
        folder.cleanup()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("error: a profile and the `espat` binary are needed; usage: host.py PROFILE ESPAT", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
