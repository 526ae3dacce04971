"""pyserial at a module's RFC 2217 port: what the URL that it is given leads to, line by line as it goes well."""

import sys
import time

import serial


def said(module, end, deadline_s=60):
    """Reads up to and with `end`."""
    got = b""
    until = time.monotonic() + deadline_s
    while not got.endswith(end):
        if time.monotonic() > until:
            sys.exit(f"{end!r} did not come, but {got!r}")
        got += module.read(1)
    return got


def reset(module):
    """The sequence of a hard reset: RTS alone pulls EN low."""
    module.dtr = False
    module.rts = True
    module.rts = False


def main(url, peer_port):
    module = serial.serial_for_url(url, baudrate=115200, timeout=1)
    reset(module)
    said(module, b"\r\nready\r\n")
    print("reset")

    module.write(b"ATE0\r\n")
    said(module, b"\r\nOK\r\n")
    module.write(b"AT+CIPMUX?\r\n")
    assert b"+CIPMUX:0\r\n" in said(module, b"\r\nOK\r\n")
    print("commands")

    # Each waits for the module's answer, and fails where it is another.
    module.baudrate = 9600
    module.bytesize = serial.SEVENBITS
    module.parity = serial.PARITY_EVEN
    module.stopbits = serial.STOPBITS_TWO
    module.rtscts = True
    module.rtscts = False
    module.stopbits = serial.STOPBITS_ONE
    module.parity = serial.PARITY_NONE
    module.bytesize = serial.EIGHTBITS
    module.baudrate = 921600
    module.reset_input_buffer()
    module.reset_output_buffer()
    module.send_break(0.01)
    assert module.cts and not module.cd and not module.ri and not module.dsr
    print("line")

    module.write(b'AT+CWMODE=1\r\n')
    said(module, b"\r\nOK\r\n")
    module.write(b'AT+CWJAP="lab","secret1234"\r\n')
    said(module, b"\r\nOK\r\n")
    module.write(f'AT+CIPSTART="TCP","127.0.0.1",{peer_port}\r\n'.encode())
    said(module, b"\r\nOK\r\n")
    payload = bytes(range(256)) * 4
    module.write(f"AT+CIPSEND={len(payload)}\r\n".encode())
    said(module, b">")
    module.write(payload)
    got = said(module, f"+IPD,{len(payload)}:".encode())
    assert b"SEND OK" in got, got
    back = b""
    while len(back) < len(payload):
        back += module.read(len(payload) - len(back))
    assert back == payload
    print("binary")

    # The echo is on again: the reset was one.
    reset(module)
    said(module, b"\r\nready\r\n")
    module.write(b"AT\r\n")
    said(module, b"AT\r\n\r\nOK\r\n")
    module.close()
    print("closed")


main(sys.argv[1], int(sys.argv[2]))
