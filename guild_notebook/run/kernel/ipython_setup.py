"""Runs inside an IPython kernel before the first cell, sent to it as text.

Imports nothing of this package, since the kernel's Python need not have it.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import importlib.util
import io
import os
import subprocess
import sys
import warnings
from typing import Any


def escape_surrogates(kernel: Any) -> None:
    """Send lone surrogates as ``\\udXXX``: they have no UTF-8, and a message that holds one is
    lost with all that was printed beside it (jupyter_client/session.py, json_packer)."""
    pack = kernel.session.pack

    def escaped(value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        if isinstance(value, dict):
            return {escaped(key): escaped(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return [escaped(entry) for entry in value]
        return value

    def pack_any(value: Any) -> Any:
        try:
            return pack(value)
        except UnicodeEncodeError:
            return pack(escaped(value))

    kernel.session.pack = pack_any


def end_in_order(kernel: Any) -> None:
    """Send what exit handlers of the notebook print, which run before those registered here, and
    let the control thread end before the thread that sends output, which would wait for it ten
    seconds or for ever (ipykernel/kernelapp.py, IPKernelApp.close, ends them the other way round).
    """
    thread = getattr(kernel, "control_thread", None)
    if thread is not None:
        atexit.register(thread.join, 1.0)
    for stream in (sys.stdout, sys.stderr):
        atexit.register(stream.flush)


MOST_REMEMBERED = 100_000  # characters that IPython remembers of each stream of a cell


def remember_less(shell: Any) -> None:
    """IPython from version 9 on keeps each text that is printed, for the magic ``%notebook`` alone
    (interactiveshell.py, _tee): twice the memory of the text, and half the time of ``print``."""
    remember = getattr(shell, "_tee", None)
    if remember is None:
        return

    @contextlib.contextmanager
    def remember_first(channel: str) -> Any:
        stream = getattr(sys, channel)
        plain = stream.write
        with remember(channel):
            write, left = stream.write, MOST_REMEMBERED

            def write_and_count(data: Any, *args: Any, **options: Any) -> Any:
                nonlocal left
                written = write(data, *args, **options)
                left -= len(data)
                if left < 0:
                    stream.write = plain
                return written

            stream.write = write_and_count
            yield

    shell._tee = remember_first


def _refusing(kernel: Any, ask: Any = None) -> Any:
    """What raises an error in place of ``ask``, but for code of a client that has a keyboard, as no
    run has."""
    from IPython.core.error import StdinNotImplementedError  # what ipykernel raises here

    def refuse(prompt: object = "", *args: Any, **options: Any) -> Any:
        if ask and getattr(kernel, "_allow_stdin", False):
            return ask(prompt, *args, **options)
        asked = f" ({prompt.strip()!r})" if isinstance(prompt, str) and prompt else ""
        raise StdinNotImplementedError(
            f"a run has no keyboard to answer input(){asked}: assign the value to a variable in "
            "the notebook and give it as a flag, guild run NOTEBOOK name=value"
        )

    return refuse


def refuse_input(kernel: Any) -> None:
    """Make ``input()``, ``getpass()`` and reading ``sys.stdin`` an error that says what to do.
    Whoever else sends code to the kernel may have a keyboard: a console (`guild-notebook attach`)
    has."""
    from IPython.core.error import StdinNotImplementedError  # what ipykernel raises here

    debug = sys.breakpointhook

    def refuse_to_debug(*args: Any, **options: Any) -> Any:
        if getattr(kernel, "_allow_stdin", False):
            return debug(*args, **options)
        raise StdinNotImplementedError(
            "a run has no keyboard to debug with: take breakpoint() out, or run with "
            "PYTHONBREAKPOINT=0, and give values as flags, guild run NOTEBOOK name=value"
        )

    class NoKeyboard(io.TextIOBase):
        """In place of ``sys.stdin``, from which a program would read an empty text in silence."""

        buffer = getattr(sys.stdin, "buffer", None)
        encoding = "utf-8"
        read = readline = readlines = __next__ = _refusing(kernel)

        def readable(self) -> bool:
            return True

        def fileno(self) -> int:
            return 0

    kernel.raw_input = _refusing(kernel, kernel.raw_input)
    kernel.getpass = _refusing(kernel, kernel.getpass)
    sys.stdin = NoKeyboard()
    if "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = refuse_to_debug  # ipykernel's does nothing where debugpy is there


def change_commands(shell: Any, fails: bool) -> None:
    """Let what a command (``!name``) reads from its terminal be at its end; where it ``fails``, a
    command that ends with another status than 0 is an error of its cell, with the status."""
    from IPython.utils.text import LSString, SList

    run_command, get_output = shell.system, shell.getoutput

    def expanded(command: str, depth: int = 0) -> str:
        """With the values of variables of who has called the function that calls this."""
        return str(shell.var_expand(command, depth=depth + 2))

    def system(cmd: str) -> None:
        """IPython gives a command a terminal, at which it would wait for ever. In this mode reads
        return at once with nothing, also those from /dev/tty (git and ssh ask there)."""
        __tracebackhide__ = True
        command = expanded(cmd)
        shell.var_expand = lambda text, *_args, **_options: text  # it has been done
        try:
            run_command(f"stty -icanon min 0 time 0 2>/dev/null\n{command}")
        finally:
            del shell.var_expand
        if fails and shell.user_ns.get("_exit_code"):
            raise subprocess.CalledProcessError(shell.user_ns["_exit_code"], command)

    def getoutput(cmd: str, split: bool = True, depth: int = 0) -> Any:
        """As IPython's, which loses the status. What the command has said is shown if it fails."""
        __tracebackhide__ = True
        command = expanded(cmd, depth)
        if command.rstrip().endswith("&"):
            return get_output(command)  # which raises what says why
        done = subprocess.run(
            command,
            shell=True,
            executable=os.environ.get("SHELL"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        text = done.stdout.decode(errors="replace")
        if done.returncode:
            sys.stderr.write(text)
            raise subprocess.CalledProcessError(done.returncode, command, text)
        return SList(text.splitlines()) if split else LSString(text)

    shell.system = system
    if fails:
        shell.getoutput = getoutput


def show_stack_of_crash() -> None:
    """Write the Python stack to the kernel's own stderr when it crashes: what is on descriptor 2
    ends in a thread of the kernel, which ends with it."""
    copied = getattr(sys.stderr, "_original_stdstream_copy", None)
    faulthandler.enable(file=copied if isinstance(copied, int) else 2)


STACK_SIGNAL = 29 if sys.platform == "darwin" else 58
"""The signal that `guild-notebook stack` sends: on macOS SIGINFO, which does nothing by default, on
Linux one of those that have no meaning, which the C library and programs do not use."""


def write_stack_when_asked(kernel: Any) -> None:
    """Write the stacks of all threads beside the connection file when the signal comes, whatever
    the kernel does meanwhile: also in a library that does not let Python go on."""
    with contextlib.suppress(Exception):  # a kernel that is started in a way of its own
        connection_file = kernel.parent.connection_file
        if os.path.isabs(connection_file):  # not in what is forked yet (prefix_kernel.py)
            path = os.path.join(os.path.dirname(connection_file), "stack")
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            faulthandler.register(STACK_SIGNAL, file)


def import_from(folders: list[str], earlier: list[str]) -> None:
    """Let cells import modules from ``folders``, where IPython looks into the working directory:
    after the standard library and before installed packages (InteractiveShellApp.init_path). The
    Python processes that they start import from these folders first. They take the place of the
    ``earlier`` ones, of the process that was forked."""
    installed = ("site-packages", "dist-packages")
    before = [path for path in sys.path if path in earlier] or [
        path for path in sys.path if not path or os.path.basename(path) in installed
    ]
    place = sys.path.index(before[0]) if before else len(sys.path)
    sys.path[place:place] = folders
    sys.path[:] = [path for path in sys.path if path in folders or path not in earlier]
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in paths if path and path not in earlier]
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *others])


INLINE = "module://matplotlib_inline.backend_inline"

NEED_BROWSER = ("nbagg", "notebook", "webagg")
"""Backends of Matplotlib whose figures a page draws that talks to the kernel."""


class Figures:
    """Shows figures of Matplotlib inline, as images in the notebook, unless a cell chooses another
    backend that works here. What the environment has in MPLBACKEND is for scripts (``Agg`` in
    containers), not a choice of the notebook, and ipykernel would keep it. Imports nothing of
    Matplotlib: it acts once the notebook has imported pyplot."""

    def __init__(self, shell: Any) -> None:
        os.environ["MPLBACKEND"] = INLINE
        self._enable = shell.enable_matplotlib
        self._is_enabling = self._is_importing = False
        self._said: set[str] = set()
        shell.enable_matplotlib = self.enable
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        """As a finder of modules: have ``_watch`` called with pyplot once it is imported."""
        if name != "matplotlib.pyplot" or self._is_importing:
            return None
        self._is_importing = True
        try:
            spec: Any = importlib.util.find_spec(name)
        finally:
            self._is_importing = False
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_watch(module: Any) -> None:
                execute(module)
                self._watch(module)

            spec.loader.exec_module = execute_and_watch
        return spec

    def _watch(self, pyplot: Any) -> None:
        """Look at each choice of a backend, whether by ``matplotlib.use``, by a setting or by
        pyplot itself, and at figures that are not shown."""
        switch = pyplot.switch_backend
        manager_class = sys.modules["matplotlib.backend_bases"].FigureManagerBase
        show = manager_class.show

        def switch_backend(newbackend: Any) -> None:
            try:
                if str(newbackend).lower() in NEED_BROWSER:
                    raise ImportError("a run has no browser")
                if isinstance(newbackend, str):
                    switch(newbackend)
                    return
            except ImportError as e:
                if self._is_enabling:
                    raise
                self._say_replaced(newbackend, e)
            self._enable("inline")  # also where nothing has been chosen ("auto")

        def show_or_say(manager: Any) -> None:
            backend = sys.modules["matplotlib"].get_backend()
            if backend not in (INLINE, "inline"):
                self._say(
                    "guild-notebook: no figure is shown: the notebook has chosen the backend "
                    f"{backend!r} of Matplotlib, which shows none - take that out, or save figures "
                    "with savefig"
                )
            show(manager)

        pyplot.switch_backend = switch_backend
        manager_class.show = show_or_say

    def enable(self, gui: Any = None) -> Any:
        """``%matplotlib NAME``, ``%pylab NAME``."""
        self._is_enabling, before = True, self._is_enabling
        try:
            return self._enable(gui)
        except Exception as e:
            if not sys.modules.get("matplotlib"):
                raise  # it is not installed
            self._say_replaced(gui, e)
            return self._enable("inline")
        finally:
            self._is_enabling = before

    def _say_replaced(self, backend: Any, error: Exception) -> None:
        self._say(
            f"guild-notebook: figures are shown inline, as images: the backend {backend!r} of "
            f"Matplotlib cannot be used here ({' '.join(str(error).split())})"
        )

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            sys.stderr.write(f"{text}\n")  # at once: what others print does not come between


def tell_gpus(kernel: Any) -> None:
    """After a cell, tell the run the names of the GPUs that a library of the notebook uses, once
    for each library. None is imported for it, and none is asked that has not initialized its
    devices: that would take seconds, memory of the GPU, and the fork of processes that use it."""
    waiting = dict(_GPUS)

    def tell() -> None:
        for name in [name for name in waiting if name in sys.modules]:
            gpus = None
            with contextlib.suppress(Exception):  # half an import, no driver
                gpus = waiting[name](sys.modules[name])
            if gpus is None or gpus:
                del waiting[name]
            if gpus:
                names = [n.decode() if isinstance(n, bytes) else str(n) for n in gpus]
                parent = kernel.shell.display_pub.parent_header
                content = {"gpus": names}
                kernel.session.send(kernel.iopub_socket, "guild_notebook_gpus", content, parent)

    kernel.shell.events.register("post_run_cell", lambda _result: tell())


def _of_torch(torch: Any) -> Any:
    gpus = []
    for devices in (torch.cuda, getattr(torch, "xpu", None)):
        if devices is not None and getattr(devices, "is_initialized", lambda: True)():
            gpus += [devices.get_device_name(i) for i in range(devices.device_count())]
    return gpus


def _of_tensorflow(tensorflow: Any) -> Any:
    context = sys.modules.get("tensorflow.python.eager.context")
    if context and not getattr(context.context_safe(), "_initialized", False):
        return []
    devices = tensorflow.config.list_physical_devices("GPU")
    details = map(tensorflow.config.experimental.get_device_details, devices)
    return [about.get("device_name", device.name) for about, device in zip(details, devices)]


def _of_jax(jax: Any) -> Any:
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge and not bridge.backends_are_initialized():
        return []
    return [d.device_kind for d in jax.devices() if d.platform in ("gpu", "cuda", "rocm")]


def _of_cupy(cupy: Any) -> Any:
    pool = getattr(cupy, "get_default_memory_pool", None)
    if pool and not pool().total_bytes():
        return []  # no array yet
    runtime = cupy.cuda.runtime
    return [runtime.getDeviceProperties(i)["name"] for i in range(runtime.getDeviceCount())]


def _of_nvml(nvml: Any) -> Any:
    nvml.nvmlInit()
    try:
        handles = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
        return list(map(nvml.nvmlDeviceGetName, handles)) or None
    finally:
        nvml.nvmlShutdown()


_GPUS = {
    "torch": _of_torch,
    "tensorflow": _of_tensorflow,
    "jax": _of_jax,
    "cupy": _of_cupy,
    "pynvml": _of_nvml,
}
"""What asks a library, by the name of its module: None, or an error, where it will never name a
GPU."""


if __name__ == "guild_notebook.ipython_setup":
    running = get_ipython().kernel  # type: ignore[name-defined]  # noqa: F821  # IPython's
    end_in_order(running)
    show_stack_of_crash()
    write_stack_when_asked(running)
    # A kernel that was forked (prefix_kernel.py) was prepared before but for what is of a process.
    earlier = getattr(running.shell, "guild_notebook_folders", None)
    running.shell.guild_notebook_folders = folders  # type: ignore[name-defined]  # noqa: F821
    import_from(folders, earlier or [])  # type: ignore[name-defined]  # noqa: F821
    if earlier is None:
        escape_surrogates(running)
        remember_less(running.shell)
        refuse_input(running)
        change_commands(running.shell, fails_on_command)  # type: ignore[name-defined]  # noqa: F821
        Figures(running.shell)
        tell_gpus(running)
        # IPython answers sys.exit() with this hint, which is for its prompt.
        warnings.filterwarnings("ignore", "To exit: use", UserWarning)
        if hasattr(gc, "freeze"):  # PyPy has none
            gc.freeze()  # what there is now is there until the end (launcher.py, end_at_once)
