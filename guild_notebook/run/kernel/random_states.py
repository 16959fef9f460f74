"""What random numbers a kernel draws that was forked from a process with shared cells.

Each trial is to have the numbers that a fresh run has. States that the shared cells have seeded are
the same in each, to the last word. (Python gives its global generator another seed in each forked
process, and what begins in a forked kernel may draw from it.) States that nobody has seeded differ
between trials: they get another seed, which is right as long as nothing has been drawn from them.
What the shared cells have drawn without a seed all trials would have in common, so such a process
is not to be forked, nor is one that keeps what only that seed has: its state, a copy, the seed.

Imports nothing of this package and nothing but the standard library: a kernel's Python loads this
file by its path. numpy and torch are looked at where the notebook has imported them.
"""

from __future__ import annotations

import _random
import contextlib
import functools
import gc
import importlib.machinery
import os
import random
import sys
import weakref
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

MODULE: Any = sys.modules["random"]  # with its own names
LOADER: Any = importlib.machinery.SourceFileLoader
OF_LIBRARIES = ("tempfile", "sympy.core.random")  # whose numbers no result depends on
MOST_STATES = 200  # states without a seed that are kept to compare with
MOST_PARTS = 1000  # of a list or mapping in which a state may be kept
SEARCHED_BLOCKS = 1024  # of 624 words in which a state is looked for that follows: some 20 ms
TORCH_SEED = 67280421310721  # of a generator of torch without a seed, but for its global one


class RandomStates:
    """The generators of a process that executes shared cells. What is seeded is watched until
    ``problem`` is asked, and again after ``go_on``."""

    def __init__(self, is_library: Callable[[str], bool]) -> None:
        """To be made before the kernel, whose start-up files may seed generators. ``is_library`` is
        that of libraries.py."""
        self._is_library = is_library
        self._entropies: dict[int, None] = {}  # seeds of numpy's own, of its global one first
        self._torch_seed: int | None = None  # of its own
        self._seedings: list[Callable[[], object]] = []  # of what the shared cells do not seed
        self._at_problem: Any = None  # of Python's global generator
        self._state: Any = None  # of Python's global generator where it is seeded
        mtrand = sys.modules.get("numpy.random.mtrand")
        if mtrand:
            entropy = getattr(_sequence_of(mtrand._rand._bit_generator), "entropy", None)
            self._entropies.update({entropy: None} if type(entropy) is int else {})
        self._python = _Watch()
        MODULE._urandom = self._note_entropy
        self._importing = LOADER.exec_module = self._watched_import(LOADER.exec_module)
        self._note_torch()

    def go_on(self) -> None:
        """Where more cells are executed after ``problem``."""
        self._python.go_on()
        MODULE._urandom = self._note_entropy
        LOADER.exec_module = self._importing

    def go_on_in_fork(self) -> None:
        """In a fork, where more cells are executed after ``problem``: Python has given its global
        generator another seed."""
        random.setstate(self._at_problem)
        self.go_on()

    def problem(self, namespace: Mapping[str, Any]) -> str:
        """After the last shared cell: why a forked kernel would not have the random numbers of a
        fresh run, as a clause, "" where it has them. ``namespace`` is the notebook's."""
        self._python.end()
        MODULE._urandom = os.urandom
        if "exec_module" in vars(LOADER):
            del LOADER.exec_module
        self._at_problem, self._state, self._seedings = random.getstate(), None, []
        self._undrawn: set[bytes] = set()  # the states of those that are seeded anew
        if _is_numba_used():
            return "the shared cells draw from numba, whose states end where a process is forked"
        drawn = self._drawn_of_python() or self._drawn_of_numpy() or self._drawn_of_torch(namespace)
        drawn = drawn or self._kept(namespace)
        if drawn is None:
            return ""
        generator, text = drawn
        owners = [generator, *gc.get_referrers(generator)]  # of numpy's bit generators
        names = [n for n, v in namespace.items() if any(v is o for o in owners)]
        text = min((n for n in names if n[0] != "_" and n not in ("In", "Out")), default=text)
        return f"the shared cells draw from {text} without a seed, so all trials would get the same"

    def restore(self) -> None:
        """In a forked kernel, after all else with which it begins."""
        for seed in self._seedings:
            seed()
        if self._state is not None:
            random.setstate(self._state)

    def _watched_import(self, exec_module: Any) -> Any:
        """The same function, after which what a library has drawn while it was imported counts as
        not drawn: no result depends on it. (rich draws a word, sympy numbers for its symbols.)"""
        is_importing = False

        def importing(loader: Any, module: Any) -> None:
            nonlocal is_importing
            if is_importing or not self._is_library(loader.path):
                exec_module(loader, module)
                return
            is_importing = True
            before = self._python.drawn()
            try:
                exec_module(loader, module)
            finally:
                is_importing = False
                self._python.forgive(before)
                self._note_torch()

        code = importing.__code__.replace(co_filename=exec_module.__code__.co_filename)
        importing.__code__ = code  # so that Python leaves it out of tracebacks
        return importing

    def _note_torch(self) -> None:
        generator = getattr(sys.modules.get("torch"), "default_generator", None)
        if generator is not None and self._torch_seed is None:
            self._torch_seed = generator.initial_seed()

    def _note_entropy(self, size: int) -> bytes:
        found = os.urandom(size)
        if size == 16:  # for secrets.randbits(128)
            self._entropies[int.from_bytes(found, "big")] = None
        return found

    def _drawn_of_python(self) -> tuple[Any, str] | None:
        births, alive = self._python.births, self._python.generators()
        if not any(generator is MODULE._inst for generator, _ in alive):
            return MODULE._inst, "random"  # the module was imported anew
        for generator, origin in alive:
            is_global = generator is MODULE._inst
            state = _packed(_random.Random.getstate(generator))
            if state in self._undrawn:  # a copy, which has the same numbers in a fresh run
                return generator, "random" if is_global else f"a generator of {origin.module}"
            if state in origin.births or origin.module in OF_LIBRARIES:
                self._undrawn.add(state)
                self._seedings.append(functools.partial(_random.Random.seed, generator))
            elif origin.births and (origin.births is not births or _follows(state, births)):
                return generator, "random" if is_global else f"a generator of {origin.module}"
            elif is_global:
                self._state = random.getstate()
        return None

    def _drawn_of_numpy(self) -> tuple[Any, str] | None:
        mtrand = sys.modules.get("numpy.random.mtrand")
        if not mtrand:
            return None
        bits: Any = sys.modules["numpy.random.bit_generator"]
        own = mtrand._rand._bit_generator
        # Without a seed there is none but the global one, where numpy has made one seed only.
        kinds = {bits.SeedSequence, *_subclasses(bits.BitGenerator)}
        alive = gc.get_objects() if len(self._entropies) > 1 else []
        alive = [o for o in alive if type(o) in kinds and o is not own]
        left = {id(o): o for o in alive if type(o) is bits.SeedSequence and self._has_made(o)}
        others = [o for o in alive if type(o) is not bits.SeedSequence]
        owners: set[int] = set()
        for generator in [own, *others]:
            sequence = _sequence_of(generator)
            is_drawn = self._is_drawn(generator, sequence, bits.SeedSequence)
            state = _state_of_numpy(generator.state)
            is_shared = id(sequence) in owners - {id(None)} or state in self._undrawn
            if is_drawn or (is_drawn is not None and is_shared):
                return generator, "numpy.random" if generator is own else "a generator of numpy"
            if is_drawn is not None:
                self._undrawn.add(state)
                self._seedings.append(functools.partial(_seed_anew, generator))
            owners.add(id(sequence))
        for key in left.keys() - owners:
            return left[key], "a SeedSequence of numpy"
        return None

    def _drawn_of_torch(self, namespace: Mapping[str, Any]) -> tuple[Any, str] | None:
        torch: Any = sys.modules.get("torch")
        own = getattr(torch, "default_generator", None)
        if own is None:
            return None
        for generator in [own, *(v for v in namespace.values() if type(v) is torch.Generator)]:
            seed = generator.initial_seed()
            if not 2**32 <= seed < 2**64 - 2**32 or seed == TORCH_SEED:
                continue  # a seed that torch makes has 64 bits
            birth = torch.Generator().manual_seed(seed)
            is_drawn = not generator.get_state().equal(birth.get_state())
            if is_drawn or generator is not own or seed != self._torch_seed:
                return generator, "torch" if generator is own else "a generator of torch"
            self._seedings.append(own.seed)
        return None

    def _kept(self, namespace: Mapping[str, Any]) -> tuple[Any, str] | None:
        """What has the state of a generator, or the seed, that each trial has another of."""
        for name, value in namespace.items():
            parts = list(value.values()) if type(value) is dict else value
            many = parts[:MOST_PARTS] if type(parts) in (list, tuple) else ()
            if name[:1] != "_" and any(map(self._is_kept, [value, *many])):
                return value, name
        return None

    def _is_kept(self, value: Any) -> bool:
        state = b""
        with contextlib.suppress(Exception):  # it only looks like one
            if type(value) is int:
                return value in self._entropies
            if type(value) is dict and "bit_generator" in value:
                state = _state_of_numpy(value)
            elif type(value) is tuple and value[0] == "MT19937":
                state = _packed([*value[1].tolist(), value[2]])
            elif type(value) is tuple and len(value[1]) == len(self._at_problem[1]):
                state = _packed(value[1])
        return state in self._undrawn

    def _has_made(self, sequence: Any) -> bool:
        """Whether a SeedSequence is of a seed that nobody has given."""
        entropy = getattr(sequence, "entropy", None)
        return type(entropy) is int and entropy in self._entropies

    def _is_drawn(self, generator: Any, sequence: Any, seed_sequence: Any) -> bool | None:
        """Whether something has been drawn without a seed; None where there is a seed."""
        state, kind = generator.state, type(generator)
        if self._has_made(sequence):
            birth = kind(seed_sequence(sequence.entropy, spawn_key=sequence.spawn_key))
            return bool(_plain(state) != _plain(birth.state) or sequence.n_children_spawned)
        if sequence is None and state["bit_generator"] == "MT19937":
            # Seeded in the old way, maybe by None, or it got a state that it had before.
            # (With a number it is made without a seed at first, so these may be many.)
            seeds = [*self._entropies]
            seeds = seeds[:1] + seeds[1:][-MOST_STATES:]
            births = [_packed_of_numpy(kind(seed_sequence(seed)).state) for seed in seeds]
            now = _packed_of_numpy(state)
            if now in births or _follows(now, births):
                return now not in births
        return None


class Origin(NamedTuple):
    """Where the state of one of Python's generators comes from."""

    module: str
    births: list[bytes]
    """States that nobody has given of which one may be the first of it."""


class _Watch:
    """Who seeds generators of Python's module random, until it is ended."""

    def __init__(self) -> None:
        self.births: list[bytes] = []
        """All states that nobody has given."""
        self._origins: dict[int, tuple[Any, Origin]] = {}
        self._before = random.Random.seed, random.Random.setstate
        seed_before, setstate_before = self._before

        @functools.wraps(seed_before)
        def seed(generator: Any, *args: Any, **options: Any) -> None:
            seed_before(generator, *args, **options)
            is_given = (args[0] if args else options.get("a")) is not None
            self._note(generator, [] if is_given else None)

        @functools.wraps(setstate_before)
        def setstate(generator: Any, state: Any) -> None:
            setstate_before(generator, state)
            self._note(generator, self.births)

        self._note(MODULE._inst, None)
        self._watching = seed, setstate
        self.go_on()

    def go_on(self) -> None:
        _replace(self._before, self._watching)

    def end(self) -> None:
        _replace(self._watching, self._before)

    def drawn(self) -> list[tuple[Any, Origin, bytes]]:
        """The generators without a seed whose states are not what they were then."""
        found = []
        for generator, origin in self.generators():
            if origin.births and origin.births is not self.births:
                state = _packed(_random.Random.getstate(generator))
                if state not in origin.births:
                    found.append((generator, origin, state))
        return found

    def forgive(self, before: list[tuple[Any, Origin, bytes]]) -> None:
        """Let those that have been drawn from, but had not ``before``, be as if they were not."""
        origins = [origin for _, origin, _ in before]
        for _, origin, state in self.drawn():
            if not any(origin is other for other in origins):
                origin.births.append(state)
                self.births.append(state)

    def generators(self) -> list[tuple[Any, Origin]]:
        """Those that live."""
        found = [(reference(), origin) for reference, origin in self._origins.values()]
        return [(generator, origin) for generator, origin in found if generator is not None]

    def _note(self, generator: Any, births: list[bytes] | None) -> None:
        """That it has been seeded: by nobody (None), or to what it may have from one of these."""
        frame: Any = sys._getframe(2)
        while frame.f_back and frame.f_globals.get("__name__") == "random":
            frame = frame.f_back
        if births is None:
            births = [_packed(_random.Random.getstate(generator))]
            self.births += births
            del self.births[1:-MOST_STATES]
        key = id(generator)
        reference = weakref.ref(generator, lambda _: self._origins.pop(key, None))
        self._origins[key] = reference, Origin(frame.f_globals.get("__name__", ""), births)


def _replace(old: tuple[Any, Any], new: tuple[Any, Any]) -> None:
    """Let the class of Python's generators have these functions, and the module those of its
    global generator."""
    for name, before, after in zip(("seed", "setstate"), old, new):
        is_module_s = getattr(getattr(MODULE, name), "__func__", None) is before
        if getattr(random.Random, name) is before:
            setattr(random.Random, name, after)
        if is_module_s:
            setattr(MODULE, name, getattr(MODULE._inst, name))


def _packed(words: Sequence[int]) -> bytes:
    """The 624 words of a Mersenne Twister and how many are used up."""
    return array("I", words).tobytes()


def _packed_of_numpy(state: dict[str, Any]) -> bytes:
    return _packed([*state["state"]["key"].tolist(), state["state"]["pos"]])


def _state_of_numpy(state: dict[str, Any]) -> bytes:
    is_twister = state["bit_generator"] == "MT19937"
    return _packed_of_numpy(state) if is_twister else repr(_plain(state)).encode()


def _follows(state: bytes, births: list[bytes]) -> bool:
    """Whether a state is what one of the others becomes when numbers are drawn."""
    twister = _random.Random()
    blocks = max(SEARCHED_BLOCKS // max(len(births), 1), 16)

    def words(state: bytes, count: int) -> bytes:
        twister.setstate(tuple(array("I", state)))
        return twister.getrandbits(32 * count).to_bytes(4 * count, "little")

    following = words(state, 8)
    return any(following in words(birth, 624 * blocks) for birth in births)


def _subclasses(kind: Any) -> set[Any]:
    below = kind.__subclasses__()
    return {*below, *(each for other in below for each in _subclasses(other))}


def _sequence_of(bit_generator: Any) -> Any:
    """The SeedSequence of a bit generator of numpy, None where it was seeded in the old way."""
    return getattr(bit_generator, "seed_seq", getattr(bit_generator, "_seed_seq", None))


def _plain(value: Any) -> Any:
    """A state of numpy's, to be compared."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _seed_anew(bit_generator: Any) -> None:
    sequence, kind = _sequence_of(bit_generator), type(bit_generator)
    if sequence is None:
        bit_generator.state = kind().state
    else:
        sequence.__init__(spawn_key=sequence.spawn_key)  # others may be spawned of it
        bit_generator.state = kind(sequence).state


def _is_numba_used() -> bool:
    """Whether numba's generators were seeded, or drawn from, by compiled code. It gives others to
    a forked process, and does not tell which of both it was."""
    numba: Any = sys.modules.get("numba._helperlib")
    names = ("rnd_get_np_state_ptr", "rnd_get_py_state_ptr") if numba else ()
    for name in names:
        index, words = numba.rnd_get_state(getattr(numba, name)())
        if index != 624 or words[0] != 0x80000000:  # what it begins with
            return True
    return False
