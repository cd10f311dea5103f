"""Bytes to a server on this machine, and what comes back: what no HTTP client would send."""

import socket


def talk(port, head, *pieces, host=None):
    """Send raw bytes and give what comes back until the server closes or falls silent."""
    lines = [head, f"Host: {host or f'127.0.0.1:{port}'}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        try:
            line.sendall(("\r\n".join(lines) + "\r\n").encode())
            for piece in pieces:
                line.sendall(piece)
        except (ConnectionResetError, BrokenPipeError):
            pass  # it was refused before all was sent
        answer = b""
        try:
            while data := line.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
    return answer


def code(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def chunks(total, size=65536):
    """A chunked body of zeros, `total` bytes long."""
    yield b"Transfer-Encoding: chunked\r\n\r\n"
    for _ in range(total // size):
        yield b"%x\r\n%s\r\n" % (size, bytes(size))
    yield b"0\r\n\r\n"
