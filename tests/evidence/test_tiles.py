"""Tiles: how a log's tree is cut into files."""

import pytest

from audit.merkle import Frontier, inclusion_spans, leaf_hash, proof_from, root_of, verify_inclusion
from audit.note import NoteRefused
from audit.tiles import (
    Tile,
    TileAt,
    bundle,
    entries_of,
    nodes_in,
    number_path,
    parse_path,
    tile_root,
    tiles_for,
    tiles_of,
)


def test_numbers_are_cut_into_threes() -> None:
    assert [number_path(number) for number in (0, 67, 999, 1000, 1_234_067)] == [
        "000",
        "067",
        "999",
        "x001/000",
        "x001/x234/067",
    ]


@pytest.mark.parametrize(
    "path", ["0/000", "0/067.p/1", "63/x001/x234/067", "entries/x001/000.p/255", "entries/000", "7/999.p/10"]
)
def test_a_path_is_read_as_it_is_written(path: str) -> None:
    assert parse_path(path).path == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/0",
        "00/000",
        "64/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/x000/000",
        "0/001/000",
        "0/x001",
        "-1/000",
        "entry/000",
        "0/000/",
        "0/٠٠٠",  # noqa: RUF001 - another script's digits
        "0/000\n",
        "0/" + "x999/" * 6 + "999",
    ],
)
def test_any_other_spelling_is_no_tile(path: str) -> None:
    with pytest.raises(NoteRefused):
        parse_path(path)


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification() -> None:
    found = list(tiles_of(70_000))
    assert [tile.width for tile in found if tile.at.level == 0] == [256] * 273 + [112]
    assert [tile.width for tile in found if tile.at.level == 1] == [256, 17]
    assert [tile.width for tile in found if tile.at.level == 2] == [1]
    assert [tile.path for tile in tiles_of(256)] == ["0/000", "1/000.p/1"]


def test_proofs_come_out_of_tiles() -> None:
    size = 66_000
    leaves = [leaf_hash(number.to_bytes(4)) for number in range(size)]
    tiles: dict[TileAt, bytes] = {}

    def keep(level: int, number: int, found: bytes) -> None:
        if level % 8 == 0:
            at = TileAt(level // 8, number // 256)
            tiles[at] = tiles.get(at, b"") + found

    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf, keep)
    assert {at: len(hashes) // 32 for at, hashes in tiles.items()} == {tile.at: tile.width for tile in tiles_of(size)}
    assert tile_root(tiles[TileAt(0, 3)]) == tiles[TileAt(1, 0)][3 * 32 : 4 * 32]
    root = root_of(leaves)
    for index in (0, 255, 256, 65_535, 65_536, 65_999):
        spans = inclusion_spans(index, size)
        needed = {at: tiles[at] for at in tiles_for(spans)}
        assert len(needed) <= 5
        verify_inclusion(index, size, leaves[index], proof_from(spans, nodes_in(needed)), root)


def test_entries_come_out_of_a_bundle_as_they_went_in() -> None:
    entries = [b"", b"a", b"b" * 300]
    encoded = bundle(entries)
    assert encoded == b"\x00\x00\x00\x01a\x01\x2c" + b"b" * 300
    assert entries_of(encoded) == entries
    for wrong in (encoded[:-1], encoded + b"\x00", encoded + b"\x00\x09x"):
        with pytest.raises(NoteRefused):
            entries_of(wrong)
    with pytest.raises(ValueError, match="65,535"):
        bundle([b"x" * 65_536])


def test_a_tile_knows_its_place() -> None:
    assert Tile(TileAt(None, 1000), 3).path == "entries/x001/000.p/3"
