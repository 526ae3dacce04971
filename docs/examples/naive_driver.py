#!/usr/bin/env python3
"""A host driver with a bug that the bench does not show: it takes whatever stands before `>` for part of the prompt.

    naive_driver.py ADDR:PORT    the module's serial port, over TCP

It opens a link to a server of its own, which greets it, sends five bytes, and prints what it received.
"""

import socket
import sys
import threading


class Driver:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.port = socket.create_connection((host, int(port)), timeout=20)
        self.unread = b""
        self.received = b""

    def read(self, n):
        while len(self.unread) < n:
            piece = self.port.recv(4096)
            if not piece:
                raise EOFError("the port closed")
            self.unread += piece
        data, self.unread = self.unread[:n], self.unread[n:]
        return data

    def read_until(self, end):
        data = b""
        while not data.endswith(end):
            data += self.read(1)
        return data

    def read_report(self):
        """`+IPD,` was read: the length, a colon, the data."""
        length = int(self.read_until(b":")[:-1])
        self.received += self.read(length)

    def wait_for(self, *results):
        line = b""
        while True:
            line += self.read(1)
            if line == b"+IPD,":
                self.read_report()
                line = b""
            elif line.endswith(b"\r\n"):
                if line.strip() in results:
                    return line.strip()
                if line.strip() in (b"ERROR", b"FAIL", b"SEND FAIL"):
                    raise RuntimeError(line.strip().decode())
                line = b""

    def command(self, text, result=b"OK"):
        self.port.sendall(text.encode() + b"\r\n")
        self.wait_for(result)

    def send(self, data):
        self.command(f"AT+CIPSEND={len(data)}")
        self.read_until(b">")  # the bug: data that came before the prompt is thrown away
        self.port.sendall(data)
        self.wait_for(b"SEND OK")


def greet(listener, greeted):
    peer, _ = listener.accept()
    peer.sendall(b"welcome")
    greeted.set()
    peer.recv(5)
    peer.sendall(b"goodbye")


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    greeted = threading.Event()
    threading.Thread(target=greet, args=(listener, greeted), daemon=True).start()
    driver = Driver(sys.argv[1])
    driver.wait_for(b"ready")
    driver.command("ATE0")
    driver.command("AT+CWMODE=1")
    driver.command('AT+CWJAP="home","secret1234"')
    driver.command(f'AT+CIPSTART="TCP","127.0.0.1",{listener.getsockname()[1]}')
    # The module has the greeting before the send begins, on a computer that has other things to do too.
    greeted.wait()
    driver.command("AT+CIPSTATUS")
    driver.send(b"hello")
    while not driver.received.endswith(b"goodbye"):
        driver.wait_for(b"", b"CLOSED")
    print("received:", driver.received.decode())
    if driver.received != b"welcomegoodbye":
        sys.exit("data was lost: the server sent `welcome` and `goodbye`")


if __name__ == "__main__":
    main()
