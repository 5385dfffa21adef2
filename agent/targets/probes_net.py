"""A URL or host:port -> whether it answers as expected; metadata services are never asked."""

import ipaddress
import re
import socket
import ssl
import time
from urllib.parse import urlsplit

_PLAIN = re.compile(r"[!-~]+")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# services by which a cloud hands credentials to a machine, where they are not link-local
# (sources: AWS, Azure, Alibaba Cloud and Oracle Cloud documentation of their instance metadata)
METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "fd00:ec2::23", "168.63.129.16", "100.100.100.200", "192.0.0.192")
)


class Refused(Exception):
    """A probe that may not or cannot be asked; asking again would not help."""


def get_status(url: str, *, expected: int, seconds: float) -> str:
    """GET `url`, follow no redirect; empty when the status is `expected`. Raises Refused for what is never asked."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(f"{url[:200]}: {error}") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or not _PLAIN.fullmatch(url):
        raise Refused(f"{url[:200]}: must be http:// or https:// with a host, in ASCII, without user and password")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    ask = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: infra-agent\r\nConnection: close\r\n\r\n"
    deadline = time.monotonic() + seconds
    try:
        with _connect(host, port, seconds) as plain:
            if parts.scheme == "http":
                line = _first_line(plain, ask, deadline)
            else:
                with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as sock:
                    line = _first_line(sock, ask, deadline)
    except OSError as error:
        return f"GET {url[:200]}: {error or type(error).__name__}"
    status = _STATUS.match(line)
    if status is None:
        return f"GET {url[:200]}: did not answer in HTTP"
    return "" if int(status[1]) == expected else f"GET {url[:200]}: expected status {expected}, got {int(status[1])}"


def open_port(place: str, *, seconds: float) -> str:
    """Empty when `place` (host:port) takes a connection. Raises Refused for what is never asked."""
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise Refused(f"{place[:200]}: must be host:port")
    try:
        _connect(host.strip("[]"), int(port), seconds).close()
    except OSError as error:
        return f"{place[:200]}: {error or type(error).__name__}"
    return ""


def never_asked(address: Address) -> bool:
    """True for link-local, metadata, multicast and unspecified addresses, also inside an IPv6 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inside is not None and never_asked(inside):
            return True
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA


def _first_line(sock: socket.socket, ask: str, deadline: float) -> bytes:
    """The status line alone: a server that drips its answer costs no more than the time that is left."""
    sock.sendall(ask.encode("ascii"))
    line = b""
    while b"\n" not in line and len(line) < 4096:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        sock.settimeout(left)
        data = sock.recv(1024)
        if not data:
            break
        line += data
    return line


def _connect(host: str, port: int, seconds: float) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Refused(f"{host[:200]}: not a host name") from error
    places = [place for *_, place in found]
    for place in places:
        address = ipaddress.ip_address(str(place[0]).split("%")[0])
        if never_asked(address):
            raise Refused(f"{host[:200]}: {address} is a link-local or metadata address; probes never ask those")
    return socket.create_connection((str(places[0][0]), port), timeout=seconds)
