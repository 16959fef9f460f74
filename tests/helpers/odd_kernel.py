"""A kernel that does what its arguments and its cells say: nothing of it is as it should be.

``python odd_kernel.py CONNECTION_FILE [START]``; each line of a cell is a word of ``ACTIONS`` or
text to show. Speaks Jupyter's messaging protocol over its own sockets.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import zmq
from jupyter_client.session import Session

INFO = {
    "status": "ok",
    "protocol_version": "5.3",
    "implementation": "odd",
    "implementation_version": "1",
    "language_info": {"name": "odd", "mimetype": 5, "codemirror_mode": []},
    "banner": "odd",
}


class Kernel:
    def __init__(self, connection_file: str, start: str) -> None:
        with open(connection_file, encoding="utf-8") as f:
            self.config = json.load(f)
        self.start = start
        self.session = Session(key=self.config["key"].encode(), username="odd")
        self.context = zmq.Context()
        self.shell = self._socket(zmq.ROUTER, "shell")
        self.control = self._socket(zmq.ROUTER, "control")
        self.iopub = self._socket(zmq.PUB, "iopub")
        self.parent: dict[str, Any] = {}
        self.identities: list[bytes] = []
        self.replies = self.idles = True
        self.count = 0

    def _socket(self, kind: int, name: str) -> Any:
        socket = self.context.socket(kind)
        socket.linger = 1000
        transport, ip, port = (self.config[k] for k in ("transport", "ip", f"{name}_port"))
        socket.bind(f"{transport}://{ip}{'-' if transport == 'ipc' else ':'}{port}")
        return socket

    def run(self) -> None:
        poller = zmq.Poller()
        for socket in (self.shell, self.control):
            poller.register(socket, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                self.identities, message = self.session.recv(socket)
                self.parent = message["header"]
                getattr(self, message["msg_type"], lambda _content: None)(message["content"])

    def kernel_info_request(self, _content: Any) -> None:
        self.show("status", {"execution_state": "busy"})
        if self.start != "silent":
            self.reply("kernel_info_reply", INFO)
        self.show("status", {"execution_state": "idle"})

    def shutdown_request(self, _content: Any) -> None:
        if self.start != "stubborn":
            os._exit(0)

    def execute_request(self, content: Any) -> None:
        self.count += 1
        self.replies = self.idles = True
        self.show("status", {"execution_state": "busy"})
        for line in content["code"].splitlines():
            action = getattr(self, "do_" + line.replace(" ", "_"), None)
            if action:
                action()
            else:
                self.show("stream", {"name": "stdout", "text": line + "\n"})
        if self.replies:
            self.reply("execute_reply", {"status": "ok", "execution_count": self.count})
        if self.idles:
            self.show("status", {"execution_state": "idle"})

    def reply(self, kind: str, content: Any) -> None:
        self.session.send(self.shell, kind, content, self.parent, ident=self.identities)

    def show(self, kind: str, content: Any, parent: Any = None) -> None:
        self.session.send(self.iopub, kind, content, self.parent if parent is None else parent)

    # ---- what a cell's lines ask for

    def do_send_no_reply(self) -> None:
        self.replies = False

    def do_send_no_idle(self) -> None:
        self.idles = False

    def do_reply_and_die(self) -> None:
        self.reply("execute_reply", {"status": "ok", "execution_count": 1})
        time.sleep(0.3)
        self.do_die()

    def do_die(self) -> None:
        print("odd kernel: out of memory", file=sys.stderr, flush=True)
        time.sleep(0.5)  # what has been sent is on its way
        os._exit(9)

    def do_close_channels(self) -> None:
        print("odd kernel: channels are closed", file=sys.stderr, flush=True)
        for socket in (self.shell, self.iopub, self.control):
            socket.close()
        while True:
            time.sleep(1)

    def do_hang(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(1)

    def do_send_junk(self) -> None:
        for frames in ([b""], [b"junk"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"", b"{}"], [b"\xff"] * 9):
            self.iopub.send_multipart(frames)
            self.shell.send_multipart([*self.identities, *frames])

    def do_send_bad_signature(self) -> None:
        other = Session(key=b"another")
        content = {"name": "stdout", "text": "forged\n"}
        other.send(self.iopub, "stream", content, self.parent)
        other.send(self.shell, "execute_reply", {"status": "ok"}, self.parent, self.identities)

    def do_send_broken_content(self) -> None:
        for kind in KINDS:
            for content in CONTENTS:
                self.show(kind, content)
        message = self.session.msg("stream", {}, self.parent)
        for content in (b'"text"', b"5", b"[1]", b"{"):
            frames = [*self.session.serialize(message)[:-1], content]
            frames[1] = self.session.sign(frames[2:])  # right but for what it says
            self.iopub.send_multipart(frames)

    def do_send_wrong_parents(self) -> None:
        content = {"name": "stdout", "text": "orphan\n"}
        for parent in ({}, {"msg_id": 5}, {"msg_id": "none-such"}):
            self.show("stream", content, parent)
            self.show("status", {"execution_state": "idle"}, parent)
        message = self.session.msg("stream", content)
        for parent in ([], "x", None):
            message["parent_header"] = parent
            self.session.send(self.iopub, message)

    def do_send_deep_data(self) -> None:
        for depth in (90, 150, 300, 900):
            data: Any = f"bottom of {depth}"
            for _ in range(depth):
                data = [data]
            self.show("display_data", {"data": {"application/json": data}, "metadata": {}})

    def do_send_huge_message(self) -> None:
        self.show("stream", {"name": "stdout", "text": ("h" * 99 + "\n") * 30_000})

    def do_send_bad_widgets(self) -> None:
        for data in (None, [], {"state": 5}, {"state": {"_model_name": [1]}, "buffer_paths": 5}):
            self.show("comm_open", {"comm_id": "w", "target_name": "jupyter.widget", "data": data})
            self.show("comm_msg", {"comm_id": "w", "data": data})

    def do_reply_nonsense(self) -> None:
        self.replies = False
        self.reply("execute_reply", {"payload": 5})

    def do_reply_aborted(self) -> None:
        self.replies = False
        self.reply("execute_reply", {"status": "aborted"})

    def do_reply_odd_count(self) -> None:
        self.replies = False
        reply = {"status": "ok", "execution_count": "many", "payload": [None, {"source": 5}]}
        self.reply("execute_reply", reply)


KINDS = [
    "clear_output", "stream", "display_data", "execute_result", "update_display_data", "error",
    "execute_input", "status", "comm_open", "comm_msg", "comm_close", "no_such_kind", "",
]  # fmt: skip
CONTENTS: list[dict[str, Any]] = [
    {},
    {"name": 5, "text": "in odd stream\n"},
    {"name": "stdlog", "text": ["in ", "a list\n"]},
    {"data": None, "metadata": None, "transient": None, "execution_count": None},
    {"data": {"text/plain": 5, "image/png": "no base64!", "image/gif": {}}, "metadata": []},
    {"data": {"text/plain": "data beside bad metadata"}, "metadata": 5, "execution_count": "x"},
    {"ename": None, "evalue": 5, "traceback": "text"},
    {"ename": [], "traceback": [1, None, "traceback in parts"]},
    {"execution_state": "unknown", "comm_id": 5},
    {"wait": "no", "execution_count": -1, "comm_id": "c", "data": []},
]


def main() -> None:
    connection_file, start = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    if start.startswith("after "):
        time.sleep(float(start.split()[1]))
    if start == "fail":
        print("Traceback (most recent call last):\nodd kernel: no licence", file=sys.stderr)
        sys.exit(3)
    if start == "mute":
        print("odd kernel: waiting for the licence server", file=sys.stderr, flush=True)
        while True:
            time.sleep(1)
    if start == "silent":
        print("odd kernel: nobody is to know", flush=True)
    Kernel(connection_file, start).run()


if __name__ == "__main__":
    main()
