"""The kernel of prefix.py: IPython without a connection, whose cells send what they send to a
recorder (recorder.py), and which becomes a kernel as any other after a fork.

The kernel's application (ipykernel/kernelapp.py) is made once, but its sockets, its threads and
what it does with the process's output are left to the forked kernels. There they are made by
ipykernel's own methods, for the same objects: whatever has kept ``sys.stdout``, the shell or a
widget speaks to the trial. The runner executes all cells there, and those that were executed here
are answered from the record.
"""

from __future__ import annotations

import ast
import asyncio
import atexit
import contextlib
import contextvars
import gc
import importlib.util
import os
import selectors
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recorder import Record, Recorder

iostream: Any = import_module("ipykernel.iostream")
OutStream: Any = iostream.OutStream
IPythonKernel: Any = import_module("ipykernel.ipkernel").IPythonKernel
IPKernelApp: Any = import_module("ipykernel.kernelapp").IPKernelApp
MOST_RECORDED = 200_000_000  # bytes of messages that are kept: each forked kernel sends them again
WORK_PER_LOOK = 2  # how many times longer than a look at the process cells take until the next one
_FILE = "kernel.json"  # stands for the path of the connection file


class _App(IPKernelApp):  # type: ignore[misc]
    """A kernel's application without what connects it."""

    name = "ipython-kernel"
    recorder: Recorder

    def init_connection_file(self) -> None:
        """In ``connect``, as all these."""

    init_poller = init_heartbeat = init_connection_file
    write_connection_file = log_connection_info = init_connection_file

    def init_sockets(self) -> None:
        self.iopub_socket = object()  # stands for the one on which it publishes
        self.recorder.session = self.session
        self.session.send = self.recorder.send

    def init_io(self) -> None:
        iostream.OutStream = self.recorder.stream  # which it imports by this name
        try:
            super().init_io()
        finally:
            iostream.OutStream = OutStream

    def init_kernel(self) -> None:
        self.kernel = self.kernel_class.instance(
            parent=self,
            session=self.session,
            iopub_socket=self.iopub_socket,
            log=self.log,
            profile_dir=self.profile_dir,
            user_ns=self.user_ns,
        )
        # From version 7 on it asks which thread executes cells that await something.
        self.kernel.shell_channel_thread = SimpleNamespace(parent_thread=threading.main_thread())
        self.displayhook.get_execution_count = lambda: self.kernel.execution_count

    def connect(self, connection_file: str) -> None:
        """Become a kernel as others are, in a process that was forked."""
        app = IPKernelApp
        self.connection_file = connection_file
        self.parent_handle = os.getppid()
        del self.session.send
        self.session.pid, self.session.session = os.getpid(), uuid.uuid4().hex
        app.init_connection_file(self)
        app.init_poller(self)
        self.iopub_socket = None
        app.init_sockets(self)
        app.init_heartbeat(self)
        app.write_connection_file(self)
        app.log_connection_info(self)

        replaced = sys.stdout, sys.stderr  # maybe by a cell
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        self.init_io()
        sys.stdout, sys.stderr = replaced
        with contextlib.suppress(Exception):
            self.init_signal()
        self.kernel_class = _Again
        app.init_kernel(self)


class _Again(IPythonKernel):  # type: ignore[misc]
    """The kernel that there is, made again for its new connection."""

    @classmethod
    def instance(cls, *args: Any, **options: Any) -> Any:
        kernel = IPythonKernel._instance
        del options["user_ns"]  # which it has
        kernel.ident = str(uuid.uuid4())
        # Some versions of ipykernel have it look after threads, and garbage, as it does already.
        thread: Any = threading.Thread
        hooks = thread.__init__, thread.run, list(gc.callbacks)
        kernel.__init__(*args, **options)
        thread.__init__, thread.run, gc.callbacks[:] = hooks
        return kernel


@contextlib.contextmanager
def _registering_with(stack: contextlib.ExitStack) -> Any:
    """What a forked kernel registers for its end is called with ``stack``, which was registered
    before the cells: after what these have registered, as in any kernel."""
    register = atexit.register
    atexit.register = stack.callback
    try:
        yield
    finally:
        atexit.register = register


class PrefixKernel:
    """Executes the cells of ``config`` (forking.py) as a kernel does."""

    def __init__(self, config: Any, launcher: Any, sibling: Any) -> None:
        self._launcher = launcher
        self._before = dict(os.environ)
        self._cwd = os.getcwd()
        self._may_freeze = config["may_freeze"] and hasattr(gc, "freeze")
        is_library = sibling("libraries").is_library
        self._random = sibling("random_states").RandomStates(is_library)
        self._recorder: Recorder = sibling("recorder").Recorder(launcher.PIECE)
        self._records: list[Record] = []
        self._sets: set[str] = set()  # what the trials set themselves
        self._at_end = contextlib.ExitStack()  # after the names of the cells are cleared
        self._at_exit = contextlib.ExitStack()  # before that
        atexit.register(self._at_end.close)
        launched = importlib.util.find_spec("ipykernel_launcher")
        # As those of a kernel, which argparse reads.
        sys.argv[:] = [str(launched and launched.origin), "-f", _FILE, *config["arguments"]]
        self._app = app = _App.instance()
        app.recorder = self._recorder
        app.initialize(config["arguments"])
        self._io_loop: Any = import_module("tornado.ioloop").IOLoop.current()
        self._loop = self._io_loop.asyncio_loop
        self._kernel = app.kernel
        self._kernel.io_loop = self._io_loop
        self._kernel.shell.exit_now = False
        atexit.register(self._at_exit.close)
        self._execute(config["setup"], silent=True)
        self._setup = self._reply()
        self.has_drawn = False  # random numbers without a seed: one that is set later is too late
        self.cells_before, self._cells_before = 0, [0, 0]
        self._next_looks = [0.0, 0.0]
        self._watch = sibling("fork_safety").Watch(self._cwd, config["run_variables"], sibling)

    def execute(self, cell: Any) -> str:
        """Execute a cell; returns why there is no fork after it, "" where there is."""
        shell: Any = self._kernel.shell
        self._sets.update(cell["sets"])
        with _left_out(shell, set(cell["sets"])):
            record = self._execute(cell["source"])
        self._records.append(record)
        record.sets = cell["sets"]
        reply = self._reply()
        # One that fails may have looked for what the trials set.
        if reply.get("status") != "ok" and (self._sets or not cell["may_fail"]):
            return f"{cell['where']} fails"
        if record.sets and shell.ast_node_interactivity == "last_expr_or_assign":
            return f"{cell['where']} shows what it sets"
        if any(payload.get("source") == "ask_exit" for payload in reply.get("payload") or ()):
            return f"{cell['where']} ends the notebook"
        if self._recorder.size > MOST_RECORDED:
            return f"{cell['where']} shows over {MOST_RECORDED // 1_000_000} MB"
        return ""

    def _execute(self, code: str, silent: bool = False) -> Record:
        kernel: Any = self._kernel
        record = self._recorder.begin(code)
        content = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        parent = self._app.session.msg("execute_request", content)
        record.request = parent["header"]["msg_id"].encode()
        kernel.set_parent([], parent)
        kernel.pre_handler_hook()

        async def execute() -> contextvars.Context:
            await kernel.execute_request(self._recorder.shell, [], parent)
            return contextvars.copy_context()

        try:
            context = self._loop.run_until_complete(execute())
        finally:
            kernel.post_handler_hook()
        for variable, value in context.items():  # as the precision of decimal: for later cells
            variable.set(value)
        self._recorder.flush()
        return record

    def _reply(self) -> Any:
        reply = self._recorder.record.reply
        return self._app.session.unpack(reply[1])[0] if reply else {"status": "error"}

    def problem(self, own: list[int], is_last: bool) -> str:
        """Why this process must not be forked after the cell, "" where it may be, or where that is
        not looked at now: what takes long is not looked at after each, but for the one that
        ``is_last``. ``cells_before`` are those without a problem, as far as that is known: a
        process that executes them is looked at after the last of them."""
        if self._setup.get("status") != "ok":
            return "the kernel cannot be prepared"
        namespace = self._kernel.shell.user_ns
        loop: Any = self._loop
        fds = [*own, *self._recorder.fds(), loop._selector.fileno()]
        fds += [end.fileno() for end in (loop._ssock, loop._csock)]

        def random_problem() -> str:
            found = str(self._random.problem(namespace))
            self.has_drawn = bool(found)
            if not (found or is_last):
                self._random.go_on()
            return found

        def other_problem() -> str:
            return str(self._watch.problem(namespace, fds))

        looks = ((random_problem, 1), (other_problem, WORK_PER_LOOK))
        for number, (look, work) in enumerate(looks):
            started = time.monotonic()
            if started < self._next_looks[number] and not is_last:
                return ""
            problem = look()
            ended = time.monotonic()
            self._next_looks[number] = ended + work * (ended - started)
            if problem:
                self.cells_before = self._cells_before[number]
                return problem
            self.cells_before = self._cells_before[number] = len(self._records)
        return ""

    def settle(self) -> None:
        """Let what there is be shared: a collection of garbage would write to all of it, also at
        the end of each trial, unless something has to be finalized there."""
        gc.collect()
        self._ends_at_once = not self._launcher.something_has_to_be_finalized()
        if self._may_freeze:
            gc.freeze()

    def go_on(self, settings: Any, variables: Any) -> None:
        """In a fork of this process: be one that executes more cells, for trials that have the same
        ``variables``. For each cell that was executed ``settings`` has the ``source`` with the
        values that these trials have in common; the names that each of them ``sets`` itself are
        fewer now."""
        if hasattr(gc, "unfreeze"):  # what looks for objects would not find them
            gc.unfreeze()
        self._recorder.renew()
        self._renew_loop()
        self._watch.reopen()
        self._random.go_on_in_fork()
        os.environ.update(variables)
        self._before.update(variables)
        self._sets = set()
        for record, now in zip(self._records, settings):
            if record.sets:
                self._set(record, now["source"], set(record.sets) - set(now["sets"]))
                record.code, record.sets = now["source"], now["sets"]
                self._sets.update(now["sets"])
        self._cells_before = [len(self._records)] * 2
        self._next_looks = [0.0, 0.0]

    def _renew_loop(self) -> None:
        """Let the event loop have nothing in common with that of the process this is a fork of."""
        loop: Any = self._loop
        loop._selector.close()  # which the other goes on to use
        loop._selector = selectors.DefaultSelector()
        for end in (loop._ssock, loop._csock):
            end.close()
        loop._internal_fds -= 1
        loop._make_self_pipe()
        asyncio.set_event_loop(loop)  # from Python 3.12 on a fork has none

    def become_kernel(self, request: Any, output: int) -> None:
        """Be the kernel of a trial from now on, until it is asked to end."""
        if hasattr(OutStream, "_is_forked"):
            OutStream._is_forked = False
        self._recorder.close(output)
        self._watch.in_child()
        os.chdir(request["cwd"])
        self._recorder.folders = self._cwd, os.getcwd()  # as outputs show them
        for name in {*self._before, *request["env"]}:
            value = request["env"].get(name)
            if self._before.get(name) == value:
                continue
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        file, below = request["connection_file"], os.path.join(self._cwd, "")
        sys.argv[:] = [file if text == _FILE else text for text in sys.argv]
        for number, text in enumerate(sys.path):
            if isinstance(text, str) and os.path.join(text, "").startswith(below):
                sys.path[number] = request["cwd"] + text[len(self._cwd) :]
        self._renew_loop()
        self._kernel.execute_request = self._execute_or_replay
        with _registering_with(self._at_end):
            self._app.connect(request["connection_file"])
        self._app.start()

    async def _execute_or_replay(self, stream: Any, ident: Any, parent: Any) -> None:
        """In place of the method of the kernel, in a trial."""
        kernel, session = self._kernel, self._app.session
        silent = parent["content"].get("silent", False)
        if silent:  # what prepares it
            with _registering_with(self._at_exit):
                await type(kernel).execute_request(kernel, stream, ident, parent)
            return
        if not self._records:
            self._random.restore()
            if self._ends_at_once and self._may_freeze:
                gc.freeze()  # sockets and event loops of this kernel too
            del kernel.execute_request
            kernel.shell_handlers["execute_request"] = kernel.execute_request
            await kernel.execute_request(stream, ident, parent)
            return
        record = self._records.pop(0)
        code = parent["content"]["code"]
        if record.sets:
            self._set(record, code, set(record.sets))
        elif record.code != code:
            content = {"status": "error", "ename": "ForkError", "traceback": []}
            content["evalue"] = "the cell is another one than the trials share"
            session.send(stream, "execute_reply", content, parent, ident=ident)
            return
        self._recorder.send_again(record, kernel.iopub_socket, stream, ident, parent)

    def _set(self, record: Record, code: str, names: set[str]) -> None:
        """Execute what a cell of a trial sets these ``names`` to, and have the history of IPython
        hold that cell."""
        shell = self._kernel.shell
        history, namespace = shell.history_manager, shell.user_ns
        source = shell.transform_cell(code)
        body = [node for node in ast.parse(source).body if _sets(node) & names]
        assigned = compile(ast.Module(body, []), "<settings>", "exec")
        exec(assigned, namespace)  # noqa: S102  # it is code of the notebook
        old, new = record.code.rstrip("\n"), code.rstrip("\n")
        number = self._app.session.unpack(record.reply[1])[0]["execution_count"]
        history.input_hist_raw[number] = namespace[f"_i{number}"] = new
        history.input_hist_parsed[number] = source.rstrip("\n")
        for name in ("_i00", "_i", "_ii", "_iii"):  # the last cells
            if getattr(history, name) == old:
                setattr(history, name, new)
            if namespace.get(name) == old:
                namespace[name] = new


@contextlib.contextmanager
def _left_out(shell: Any, names: set[str]) -> Iterator[None]:
    """Let cells be executed without the assignments to ``names``, so that nothing finds them."""

    def visit(module: ast.Module) -> ast.Module:
        module.body = [node for node in module.body if not _sets(node) & names]
        return module

    transformer = SimpleNamespace(visit=visit)
    shell.ast_transformers.insert(0, transformer)
    try:
        yield
    finally:
        shell.ast_transformers.remove(transformer)


def _sets(node: ast.stmt) -> set[str]:
    """The names that an assignment gives values."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return set()
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    parts = (part for target in targets for part in getattr(target, "elts", [target]))
    return {part.id for part in parts if isinstance(part, ast.Name)}
