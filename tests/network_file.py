"""A network file of LaMa's interface, written byte by byte, so that no test needs its weights or a writer of ONNX."""

from __future__ import annotations

import struct


def mean_colour_network(side_px: int, scale: float, channels: int = 3) -> bytes:
    """ONNX of ``(image (1-mask) + mask mean(image outside)) scale``; fields are numbered as in onnx.proto3."""
    nodes = [
        _node("Sub", ["one", "mask"], "known"),
        _node("Mul", ["image", "known"], "kept"),
        _node("ReduceMean", ["kept"], "kept_mean", axes=(2, 3)),
        _node("ReduceMean", ["known"], "known_mean", axes=(2, 3)),
        _node("Div", ["kept_mean", "known_mean"], "mean"),
        _node("Mul", ["mask", "mean"], "filling"),
        _node("Add", ["kept", "filling"], "whole"),
        _node("Mul", ["whole", "scale"], "output"),
    ]
    graph = b"".join(_field(1, node) for node in nodes) + _text(2, "stand-in")
    graph += _field(5, _number("one", 1.0)) + _field(5, _number("scale", scale))
    graph += _field(11, _value("image", (1, channels, side_px, side_px)))
    graph += _field(11, _value("mask", (1, 1, side_px, side_px)))
    graph += _field(12, _value("output", (1, channels, side_px, side_px)))
    opset = _text(1, "") + _int(2, 13)
    return _int(1, 8) + _field(7, graph) + _field(8, opset)


def _varint(value: int) -> bytes:
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _node(kind: str, inputs: list[str], output: str, axes: tuple[int, ...] = ()) -> bytes:
    data = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind)
    if axes:
        ints = b"".join(_int(8, axis) for axis in axes)
        data += _field(5, _text(1, "axes") + ints + _int(20, 7))
    return data


def _number(name: str, value: float) -> bytes:
    return _int(1, 1) + _int(2, 1) + _field(4, struct.pack("<f", value)) + _text(8, name)


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _int(1, side)) for side in shape)
    return _text(1, name) + _field(2, _field(1, _int(1, 1) + _field(2, dims)))
