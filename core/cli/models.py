"""`impasto models list|download|verify`: the networks, and whether their weights are here and intact."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Adds the command to the command line's parser."""
    parser = subparsers.add_parser(
        "models",
        help="the networks and their weights: list, download, verify",
        description="The networks that paint, and whether their weights are here and intact.",
    )
    parser.set_defaults(run=run, action="list", json=False)
    actions = parser.add_subparsers(dest="action", metavar="list|download|verify")
    listing = actions.add_parser("list", help="all networks, and where their weights are")
    listing.add_argument("--json", action="store_true", help="as JSON")
    download = actions.add_parser("download", help="fetch a network's weights into Keras's cache")
    download.add_argument("name", metavar="NAME", help="vgg19 or vgg16")
    download.add_argument(
        "--url", metavar="URL", help="folder to fetch from, in place of Keras's own address"
    )
    verify = actions.add_parser("verify", help="check weights that are here")
    verify.add_argument(
        "name",
        metavar="NAME|FILE",
        nargs="?",
        help="a network or a weight file; all that are here by default",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        The exit status.

    Raises:
        ImpastoError: for what the user can put right; the command line prints its one line.
    """
    if args.action == "download":
        return _download(args.name, args.url)
    if args.action == "verify":
        return _verify(args.name)
    return _list_as_json() if args.json else _list()


def _rows() -> list[dict[str, Any]]:
    from impasto.models.register import NETWORKS
    from impasto.models.weights import how_to_get, locate

    rows = []
    for network in NETWORKS.values():
        place = locate(network)
        here = place.state in ("bundled", "cache")
        rows.append(
            {
                "name": network.name,
                "title": network.title,
                "parameters": network.parameters,
                "size_bytes": place.path.stat().st_size if here else network.size,
                "weights": place.state,
                "path": str(place.path) if here else None,
                "get": None if here else how_to_get(network),
                "content_layers": network.content_layers,
                "style_layers": network.style_layers,
                "licence": network.licence,
                "source": network.source,
            }
        )
    return rows


def _painters() -> list[dict[str, Any]]:
    """The bundled networks that paint in one pass."""
    from impasto.models.painters import bundled_painters, read_painter

    rows = []
    for name, path in bundled_painters().items():
        facts, arrays = read_painter(path)
        rows.append(
            {
                "name": name,
                "kind": "paints" if facts.takes_picture else "texture",
                "styles": facts.styles,
                "parameters": sum(array.size for array in arrays.values()),
                "size_bytes": path.stat().st_size,
            }
        )
    return rows


def _list_as_json() -> int:
    print(json.dumps(_rows(), indent=2))
    return 0


def _list() -> int:
    words = {"bundled": "bundled", "cache": "in cache", "missing": "not here", "damaged": "damaged"}
    print(f"{'network':<10} {'parameters':>10} {'size':>8}  weights")
    for row in _rows():
        where = words[row["weights"]] + (f": {row['path']}" if row["path"] else f"; get it: {row['get']}")
        million, megabytes = row["parameters"] / 1e6, row["size_bytes"] / 1e6
        print(f"{row['name']:<10} {million:>8.1f} M {megabytes:>5.1f} MB  {where}")
    painters = _painters()
    wide = max((len(row["name"]) for row in painters), default=0)
    if painters:
        print(f"\n{'one pass':<{wide}} {'parameters':>10} {'size':>8}  what")
    for row in painters:
        million, megabytes = row["parameters"] / 1e6, row["size_bytes"] / 1e6
        does = "impasto apply" if row["kind"] == "paints" else "impasto texture"
        styles = ", ".join(row["styles"]) if len(row["styles"]) < 4 else f"{len(row['styles'])} styles"
        print(f"{row['name']:<{wide}} {million:>8.2f} M {megabytes:>5.1f} MB  {does}: {styles}")
    return 0


def _download(name: str, url: str | None) -> int:
    from impasto.models.download import download
    from impasto.models.register import find_network
    from impasto.models.weights import locate

    network = find_network(name)
    already = locate(network).state == "cache"
    with _Bar(network.title) as on_progress:
        path = download(network, url=url, on_progress=on_progress)
    print(f"{network.title}: {'already here' if already else 'downloaded'}, hash correct: {path}")
    return 0


class _Bar:
    """A progress bar on stderr that begins with the first byte; silent where nobody looks."""

    def __init__(self, title: str):
        self.title = title
        self.bar: Any = None

    def __enter__(self) -> Callable[[int, int | None], None]:
        return self._show

    def _show(self, done: int, total: int | None) -> None:
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(
                desc=self.title, total=total, unit="B", unit_scale=True, file=sys.stderr, disable=None
            )
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()


def _verify(name: str | None) -> int:
    from impasto.models.register import NETWORKS

    if name is None:
        return _verify_all()
    if name in NETWORKS:
        print(_verified_network(name))
        return 0
    if Path(name).exists() or Path(name).suffix or Path(name).name != name:
        print(_verified_file(Path(name).expanduser()))
        return 0
    from impasto.models.register import find_network

    find_network(name)  # raises, with the names that are near
    return 2


def _verify_all() -> int:
    from impasto.models.register import NETWORKS
    from impasto.models.weights import locate

    from ..errors import WeightsError

    status = 0
    for network in NETWORKS.values():
        if locate(network).state == "missing" and not network.bundled:
            print(f"{network.name}: not here")
            continue
        try:
            print(_verified_network(network.name))
        except WeightsError as error:
            print(f"{network.name}: {error}", file=sys.stderr)
            status = error.exit_status
    return status


def _verified_network(name: str) -> str:
    from impasto.models.weights import check_weights, choose, read_weights

    network, path, _ = choose(name)
    check_weights(network, read_weights(path), path)
    kind = "all weights there and finite" if network.bundled else "the published file"
    return f"{network.name}: intact, {kind}: {path}"


def _verified_file(path: Path) -> str:
    from impasto.models.weights import choose, file_md5

    network, path, _ = choose("auto", path)
    if network.md5 == file_md5(path):
        return f"{path}: {network.title}, the published file"
    return f"{path}: {network.title}, all weights there and finite" + (
        "; not the published file" if network.md5 else ""
    )
