"""Pictures in folders, files and arrays: what is read, and what is refused by name."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scorax._errors import InputError
from scorax.data import fingerprint_of_pictures, holds_pictures, read_image, read_pictures

RANDOM = np.random.default_rng(3)
GREY = RANDOM.integers(0, 256, (6, 8, 9), np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 8, 9, 3), np.uint8)


def save(folder: Path, images: np.ndarray, names: str = "abcdef") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_a_folder_and_an_array_of_the_same_pictures_are_the_same(tmp_path: Path, images: np.ndarray) -> None:
    save(tmp_path / "folder", images)
    np.save(tmp_path / "x.npy", images)
    folder, array = read_pictures(tmp_path / "folder"), read_pictures(tmp_path / "x.npy")
    np.testing.assert_array_equal(folder.images, images.reshape(6, 8, 9, -1))
    assert fingerprint_of_pictures(folder) == fingerprint_of_pictures(array)
    assert folder.shape == (8, 9, images.size // (6 * 72))
    assert folder.names[:2] == ("a.png", "b.png")
    assert folder.labels is None


def test_folders_are_classes_with_their_names(tmp_path: Path) -> None:
    save(tmp_path / "dogs", GREY[:4], "abcd")
    save(tmp_path / "cats", GREY[4:], "ab")
    for name in (".DS_Store", "Thumbs.db", "dogs/desktop.ini"):
        (tmp_path / name).write_bytes(b"x")
    found = read_pictures(tmp_path)
    assert found.classes == ("cats", "dogs")
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 1, 1, 1, 1]
    assert found.names[0] == "cats/a.png"
    assert found.remarks == ("3 hidden files passed over",)
    np.testing.assert_array_equal(found.images[2:, ..., 0], GREY[:4])


def test_an_archive_has_its_classes_beside_the_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=GREY, labels=np.array(["b", "a", "b", "b", "a", "a"]))
    found = read_pictures(tmp_path / "x.npz")
    assert found.classes == ("a", "b")
    assert found.labels is not None
    assert found.labels.tolist() == [1, 0, 1, 1, 0, 0]
    np.save(tmp_path / "x.npy", GREY)
    np.save(tmp_path / "y.npy", np.array([10, 9, 10, 10, 9, 9]))
    assert read_pictures(tmp_path / "x.npy", labels=tmp_path / "y.npy").classes == ("9", "10")


def test_what_an_archive_holds_beside_pictures_and_classes_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=GREY, labels=np.arange(6) < 2, split=np.zeros(6))
    found = read_pictures(tmp_path / "x.npz")
    assert found.classes == ("False", "True")
    assert found.remarks == ("passed over in the archive: 'split'",)
    np.savez(tmp_path / "y.npz", x_train=GREY, y_train=np.zeros(6, int))
    (remark,) = read_pictures(tmp_path / "y.npz").remarks
    assert remark == "passed over in the archive: 'y_train': classes are named labels or y"


def test_pictures_are_brought_to_a_size_that_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path, GREY)
    Image.fromarray(np.full((40, 20), 7, np.uint8)).save(tmp_path / "large.png")
    found = read_pictures(tmp_path, size=8)
    assert found.shape == (8, 8, 1)
    assert found.remarks == ("7 of 7 pictures brought to 8 x 8: the shorter side scaled, the middle cut out",)
    assert np.all(found.images[-1] == 7)


def test_what_is_pictures_and_what_is_a_table(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GREY)
    np.save(tmp_path / "t.npy", np.zeros((3, 2)))
    np.savez(tmp_path / "x.npz", x=GREY)
    np.savez(tmp_path / "t.npz", X=np.zeros((3, 2)))
    (tmp_path / "t.csv").write_text("a\n1\n")
    kinds = {name: holds_pictures(tmp_path / name) for name in ("x.npy", "t.npy", "x.npz", "t.npz", "t.csv", "no.npy")}
    assert kinds == {"x.npy": True, "t.npy": False, "x.npz": True, "t.npz": False, "t.csv": False, "no.npy": False}
    assert holds_pictures(tmp_path)


PLAIN = Image.fromarray(GREY[0])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": PLAIN, "b.png": Image.fromarray(GREY[0, :6])}, "1 of 9 x 8, 1 of 9 x 6.*--size 4"),
        ({"a.png": PLAIN, "b.png": Image.fromarray(COLOUR[0])}, "'a.png' in grey and 'b.png' in colour"),
        ({"a.png": PLAIN, "b.csv": b"a\n1\n"}, "PNG and JPEG files only, got 'b.csv'; name the table itself"),
        ({"b.csv": b"a\n1\n"}, "a folder with 'b.csv'; name a file in it"),
        ({"a.png": PLAIN, "c/b.png": PLAIN}, "'a.png' beside the folder 'c'"),
        ({"c/d/b.png": PLAIN}, "another folder 'd' in it"),
        ({"a.png": b"\x89PNG nothing"}, "a.png: expected a PNG or JPEG picture, got another or a damaged file"),
        ({"a.png": Image.fromarray(np.zeros((5, 5, 4), np.uint8))}, "a picture without an alpha channel"),
        ({"a.png": Image.fromarray(np.zeros((5, 5), np.uint16))}, "16 bits or more a channel"),
        ({"a.png": Image.fromarray(np.zeros((3, 5), np.uint8))}, "4 pixels or more a side"),
        ({".a.png": PLAIN}, "PNG or JPEG pictures, got an empty folder"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, files: dict[str, Image.Image | bytes], message: str) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, format="PNG")
    with pytest.raises(InputError, match=message):
        read_pictures(tmp_path)


def test_what_would_lose_bits_or_frames_is_refused_by_both_readers(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(png_of_16_bits(RANDOM.integers(0, 2**16, (5, 5, 3))))
    first, *others = (Image.fromarray(image) for image in COLOUR)
    first.save(tmp_path / "moving.png", save_all=True, append_images=others)
    Image.fromarray(np.zeros((5, 5), np.uint16)).save(tmp_path / "grey.png")
    Image.fromarray(np.zeros((5, 5, 4), np.uint8)).save(tmp_path / "clear.png")
    refused = {
        "deep": "16 bits or more",
        "moving": "an animated one",
        "grey": "16 bits or more",
        "clear": "alpha channel",
    }
    for name, message in refused.items():
        for read in (read_pictures, read_image):
            with pytest.raises(InputError, match=message):
                read(tmp_path / f"{name}.png")


def test_a_link_to_no_file_is_named(tmp_path: Path) -> None:
    save(tmp_path, GREY)
    (tmp_path / "dead.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(InputError, match=r"dead.png: expected a picture, got a link to no file"):
        read_pictures(tmp_path)


def test_both_readers_turn_a_picture_as_the_camera_says(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    turned = Image.Exif()
    turned[0x0112] = 6  # the first row is the right-hand side
    Image.fromarray(GREY[0]).save(path, exif=turned)
    expected = np.rot90(GREY[0], -1)
    np.testing.assert_array_equal(read_pictures(path).images[0, ..., 0], expected)
    np.testing.assert_allclose(read_image(path), expected / 127.5 - 1)


def test_damaged_notes_of_a_camera_are_refused(tmp_path: Path) -> None:
    notes = Image.Exif()
    notes[0x0112], notes[0x010E] = 6, "hello"
    Image.fromarray(GREY[0]).save(tmp_path / "a.jpg", exif=notes)
    held = bytearray((tmp_path / "a.jpg").read_bytes())
    held[held.find(b"Exif") + 17] = 0  # the text becomes the width of the picture
    (tmp_path / "a.jpg").write_bytes(held)
    with pytest.raises(InputError, match="another or a damaged file"):
        read_pictures(tmp_path)


def png_of_16_bits(pixels: np.ndarray) -> bytes:
    """A PNG in 16 bits of red, green and blue, which Pillow reads and cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (GREY / 255, r"of float64; scale them.*: \(255 \* x\).round"),
        (GREY.astype(float), r"as bytes: x.round\(\)"),
        (GREY / 127.5 - 1, r"127.5 \* \(x \+ 1\)"),
        (GREY.astype(int) + 300, "as bytes, they are 300 to 555"),
        (COLOUR.transpose(0, 3, 1, 2), "put the channels last"),
        (np.zeros((2, 5, 5, 4), np.uint8), "leave the alpha channel out"),
        (np.zeros((0, 5, 5), np.uint8), "one picture or more, got none"),
    ],
)
def test_arrays_that_are_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(InputError, match=message):
        read_pictures(tmp_path / "x.npy")


def test_labels_and_archives_that_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GREY)
    np.save(tmp_path / "y.npy", np.zeros(5, int))
    with pytest.raises(InputError, match="an integer, text or truth value for each of 6 pictures"):
        read_pictures(tmp_path / "x.npy", labels=tmp_path / "y.npy")
    np.savez(tmp_path / "two.npz", a=GREY, b=GREY)
    with pytest.raises(InputError, match="one array named images or x, got 'a' of 3 axes, 'b' of 3 axes"):
        read_pictures(tmp_path / "two.npz")
    np.savez(tmp_path / "both.npz", x=GREY, y=np.zeros(6, int), labels=np.zeros(6, int))
    with pytest.raises(InputError, match="labels or y, got both"):
        read_pictures(tmp_path / "both.npz")
