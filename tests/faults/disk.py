"""A disk that forgets: what a program did to a folder, and what a power cut may leave of it.

- The content of a file is durable once the file was synced afterwards.
- A name (made, moved, removed) is durable once its folder was synced afterwards. A move between two folders is two
  operations, for not every file system promises that it is one.
- What is not durable when the power goes is kept or dropped, each operation by itself and in any order; content may
  also be kept up to some byte, with or without zeros behind it.

Permissions are not modelled, and a call that is not known here ends the test.
"""

import collections
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MOVES = {"rename", "renameat", "renameat2"}
LINKS = {"link", "linkat"}
REMOVALS = {"unlink", "unlinkat", "rmdir"}
FOLDERS = {"mkdir", "mkdirat"}
OPENINGS = {"open", "openat", "creat"}
WRITES = {"write", "pwrite64", "writev"}
SYNCS = {"fsync", "fdatasync", "sync", "syncfs"}
KNOWN = MOVES | LINKS | REMOVALS | FOLDERS | OPENINGS | WRITES | SYNCS | {"lseek", "ftruncate"}
BY_PATH = MOVES | LINKS | REMOVALS | FOLDERS | OPENINGS
UNKNOWN = "truncate fallocate copy_file_range sendfile splice pwritev pwritev2 symlink symlinkat mknod mmap".split()
HEX = r"((?:\\x[0-9a-f]{2})*)"


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Call:
    """A system call as strace shows it; start and end are lines of its log."""

    def __init__(self, start, name):
        self.start, self.end, self.name, self.text = start, math.inf, name, ""

    def result(self):
        found = re.match(r"-?\d+", self.text.rpartition(" = ")[2])
        return int(found[0]) if found else -1

    def number(self):
        """The last argument."""
        return int(re.search(r"(\d+)\)\s+= ", self.text)[1])

    def content(self):
        content = b"".join(unhex(text) for text in re.findall(f'"{HEX}"', self.text))
        assert len(content) >= self.result(), "strace cut the content short"
        return content[: self.result()]

    def paths(self, folder):
        """What it works on: the paths that it is given, or that of its descriptor."""
        if self.name in BY_PATH:
            found = re.findall(rf'(?:<{HEX}>, )?"{HEX}"', self.text)
            found = [(unhex(base).decode(), unhex(path).decode()) for base, path in found]
            return [os.path.normpath(os.path.join(folder, base, path)) for base, path in found]
        return [unhex(path).decode() for path in re.findall(rf"\d<{HEX}>", self.text)]


def record(command, folder, log):
    """Calls of a command, in the order in which they began: an order in which they can have happened."""
    names = ",".join(f"?{name}" for name in [*KNOWN, *UNKNOWN])
    strace = ["strace", "-f", "-y", "-xx", "-s", "100000000", "-o", log, "-e", f"trace={names}"]
    done = subprocess.run([*strace, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calls, pending = [], {}
    for position, line in enumerate(log.read_text().splitlines()):
        found = re.match(r"(\d+) +(?:<\.\.\. \w+ resumed>|(\w+)\()(.*)", line)
        if not found:
            continue
        thread, name, text = found.groups()
        if name:
            pending[thread] = Call(position, name)
            calls.append(pending[thread])
        pending[thread].text += text.removesuffix(" <unfinished ...>")
        if not text.endswith("<unfinished ...>"):
            pending.pop(thread).end = position
    return calls


class Operation:
    """On one file or folder: names that get another node or none; bytes from a place on; or a new length."""

    def __init__(self, call, node, names=None, place=0, content=None):
        self.start, self.end, self.durable = call.start, call.end, math.inf
        self.node, self.names, self.place, self.content = node, names, place, content
        self.what = f"{call.name} {' '.join(names or [])}".strip()

    def apply(self, nodes, content):
        node = nodes[self.node]
        if self.names is not None:
            for name, to in self.names.items():
                node[name] = to
                if to is None:
                    del node[name]
        elif content is None:
            node[self.place :] = bytes(max(0, self.place - len(node)))
        else:
            node.extend(bytes(max(0, self.place - len(node))))
            node[self.place : self.place + len(content)] = content


class Disk:
    """Nodes are files (bytes) and folders (numbers of nodes by name); the first is the folder that is watched."""

    def __init__(self, folder):
        self.folder, self.before, self.operations, self.places = folder, [], [], {}
        self.load(folder)
        self.now = [node.copy() for node in self.before]

    def load(self, path):
        number = len(self.before)
        self.before.append({} if path.is_dir() else bytearray(path.read_bytes()))
        if path.is_dir():
            self.before[number].update({part.name: self.load(part) for part in sorted(path.iterdir())})
        return number

    def files(self, nodes, node=0, path=""):
        """Path and content of everything; folders end with a stroke."""
        if isinstance(nodes[node], dict):
            yield path + "/", b""
            for name, part in sorted(nodes[node].items()):
                yield from self.files(nodes, part, f"{path}/{name}")
        else:
            yield path, bytes(nodes[node])

    def lay_out(self, nodes):
        shutil.rmtree(self.folder)
        for path, content in self.files(nodes):
            if path.endswith("/"):
                os.mkdir(f"{self.folder}{path}")
            else:
                Path(f"{self.folder}{path}").write_bytes(content)

    def find(self, path):
        node = 0
        for name in Path(path).relative_to(self.folder).parts:
            node = None if node is None else self.now[node].get(name)
        return node

    def make(self, kind):
        self.before.append(kind())
        self.now.append(kind())
        return len(self.now) - 1

    def do(self, call, node, **change):
        own = Operation(call, node, **change)
        own.apply(self.now, own.content)
        self.operations.append(own)

    def name(self, call, *changes):
        """Changes of one folder happen in one step."""
        folders = collections.defaultdict(dict)
        for path, node in changes:
            folders[self.find(os.path.dirname(path))][os.path.basename(path)] = node
        for folder, names in folders.items():
            self.do(call, folder, names=names)

    def play(self, call):
        paths = [path for path in call.paths(self.folder) if Path(path).is_relative_to(self.folder)]
        # A file without a name is gone with the process, whatever was written to it.
        is_nameless = "O_TMPFILE" in call.text or any("/#" in path for path in paths)
        if call.result() < 0 or is_nameless or not (paths or call.name == "sync"):
            return
        if call.name in SYNCS:
            everything = call.name in {"sync", "syncfs"}
            for own in self.operations:
                if own.end < call.start and (everything or own.node == self.find(paths[0])):
                    own.durable = min(own.durable, call.end)
        elif call.name in WRITES:
            node = self.find(paths[0])
            place = call.number() if call.name == "pwrite64" else self.places[node]
            self.do(call, node, place=place, content=call.content())
            if call.name != "pwrite64":
                self.places[node] += call.result()
        elif call.name == "lseek":
            self.places[self.find(paths[0])] = call.result()
        elif call.name == "ftruncate":
            self.do(call, self.find(paths[0]), place=call.number())
        elif call.name in OPENINGS:
            assert "O_APPEND" not in call.text, call.text
            node = self.find(paths[0])
            if node is None:
                node = self.make(bytearray)
                self.name(call, (paths[0], node))
            elif call.name == "creat" or "O_TRUNC" in call.text:
                self.do(call, node, place=0)
            if "O_RDONLY" not in call.text:
                self.places[node] = 0
        elif call.name in FOLDERS:
            self.name(call, (paths[0], self.make(dict)))
        elif call.name in REMOVALS:
            self.name(call, (paths[0], None))
        elif call.name in LINKS:
            self.name(call, (paths[1], self.find(paths[0])))
        elif call.name in MOVES:
            other = self.find(paths[1]) if "RENAME_EXCHANGE" in call.text else None
            self.name(call, (paths[0], other), (paths[1], self.find(paths[0])))
        elif call.name != "mmap" or ("MAP_SHARED" in call.text and "PROT_WRITE" in call.text):
            sys.exit(f"no model of {call.name}({call.text}")

    def cut(self, moment, chance):
        """What a power cut before this line of the log leaves, and what it takes."""
        nodes, lost = [node.copy() for node in self.before], []
        share = chance.choice([0, 0.1, 0.5, 0.5, 0.9, 1])
        for own in self.operations:
            content = own.content
            if own.start >= moment:
                break
            if own.durable >= moment and chance.random() >= share:
                lost.append(own.what)
                if content is None or chance.random() < 0.5:
                    continue
                content = content[: chance.randrange(len(content) + 1)]
                if chance.random() < 0.5:
                    content = content.ljust(len(own.content), b"\0")
            own.apply(nodes, content)
        return nodes, lost
