"""The packs that come with the product: `packs/NAME.yaml` beside the cases that must hold, `packs/NAME_test.yaml`."""

from importlib.resources import files

from axiru.errors import AxiruError

_PACKS = files("policies") / "packs"
_TESTS_SUFFIX = "_test.yaml"


class PackUnknown(AxiruError):
    """No pack of that name is shipped. `known` lists those that are."""

    code = "pack_unknown"


def pack_names() -> tuple[str, ...]:
    names = (entry.name for entry in _PACKS.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and not _is_tests(name)))


def pack(name: str) -> str:
    """The pack's YAML. Raises PackUnknown."""
    return _text(name, ".yaml")


def pack_tests(name: str) -> str:
    """The cases that the pack must pass, as YAML. Raises PackUnknown."""
    return _text(name, _TESTS_SUFFIX)


def _text(name: str, suffix: str) -> str:
    known = pack_names()
    # Only a listed name is ever joined to the path.
    if name not in known:
        raise PackUnknown(f"there is no pack {name!r}; there are {', '.join(known)}", name=name, known=known)
    return (_PACKS / f"{name}{suffix}").read_text(encoding="utf-8")


def _is_tests(name: str) -> bool:
    return name.endswith(_TESTS_SUFFIX)
