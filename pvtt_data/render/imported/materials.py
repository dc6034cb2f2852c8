"""glTF materials as ours."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from pvtt_data.errors import InputError
from pvtt_data.render.imported import schema
from pvtt_data.render.imported.accessors import Buffers, pick
from pvtt_data.render.imported.container import Container
from pvtt_data.render.imported.limits import ModelLimits
from pvtt_data.render.imported.pictures import (
    PictureReader,
    Pixels,
    Shares,
    is_plain,
    scaled,
    tinted,
    to_linear,
    with_strength,
)
from pvtt_data.render.imported.texture_places import Place, place_of, repeat_between
from pvtt_data.render.material import Material, Rgb, Texture

_SILENT_ROUGHNESS = 0.6
_UNLIT_ROUGHNESS = 0.9
_FILM = (0.02, 0.9)
"""Alpha between these is a film that light passes, not the edge of a cut-out."""
_FILM_SHARE = 0.5
_FILM_MEAN = 0.7
_MAX_EMISSION = 20.0
_WHITEST = 0.88
"""No real surface but metal reflects more; brighter ones burn out in a white studio."""
_REPEAT = 10497


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A material, and where its textures lie.

    Attributes:
        material: the material; a transmitting one is thin unless ``solid``.
        place: which texture coordinates its textures use and how those are moved; None without textures.
        solid: it wants to be a volume that bends light, if its mesh is closed.
    """

    material: Material
    place: Place | None
    solid: bool


class Looks:
    """The materials of one file."""

    def __init__(
        self, container: Container, buffers: Buffers, limits: ModelLimits, note: Callable[[str], None]
    ) -> None:
        """
        Args:
            note: told, in words, what is left out.
        """
        self._document = container.document
        self._resources = container.resources
        self._buffers = buffers
        self._reader = PictureReader(limits)
        self._pictures: dict[int, Pixels] = {}
        self._made: dict[tuple[int | None, tuple[int, ...]], Look] = {}
        self._note = note

    def look(self, index: int | None, uv_sets: Collection[int]) -> Look:
        """The look of a material on a surface that has the given sets of texture coordinates.

        The same arguments give the same object.

        Raises:
            InputError: the material or a picture of it is broken.
        """
        key = (index, tuple(sorted(uv_sets)))
        if key not in self._made:
            source = schema.Material() if index is None else pick(self._document.materials, index, "material")
            self._made[key] = _Builder(self, source, key[1]).look()
        return self._made[key]

    def note(self, text: str) -> None:
        """Tell what is left out."""
        self._note(text)

    def picture(self, info: schema.TextureInfo) -> Pixels:
        """The pixels ``(H, W, 4)`` of a texture."""
        texture = pick(self._document.textures, info.index, "texture")
        if texture.sampler is not None:
            sampler = pick(self._document.samplers, texture.sampler, "sampler")
            if (sampler.wrap_s, sampler.wrap_t) != (_REPEAT, _REPEAT):
                self.note("pictures that do not repeat are repeated beyond their edges")
        webp = texture.extensions.webp
        source = webp.source if webp is not None else texture.source
        if source is None:
            raise InputError("broken-model", f"texture {info.index} has no picture")
        if source not in self._pictures:
            image = pick(self._document.images, source, "picture")
            if image.buffer_view is not None:
                data = bytes(self._buffers.view(image.buffer_view))
            elif image.uri is not None:
                data = self._resources.read(image.uri)
            else:
                raise InputError("broken-model", f"picture {source} has no data")
            self._pictures[source] = self._reader.rgba(data)
        return self._pictures[source]


class _Builder:
    """Turns one material into a look."""

    def __init__(self, looks: Looks, source: schema.Material, uv_sets: tuple[int, ...]) -> None:
        self._looks = looks
        self._source = source
        self._uv_sets = uv_sets
        self._place: Place | None = None

    def look(self) -> Look:
        source, more = self._source, self._source.extensions
        base = source.pbr_metallic_roughness
        colour, alpha = self._colour_and_alpha(base)
        roughness, metallic = self._roughness_and_metallic(base)
        normal_map = self._normal_map()
        material = Material(
            colour=colour,
            roughness=roughness,
            metallic=metallic,
            specular=_specular(more),
            clearcoat=more.clearcoat.clearcoat_factor,
            clearcoat_roughness=more.clearcoat.clearcoat_roughness_factor,
            sheen=max(more.sheen.sheen_color_factor),
            normal_map=normal_map,
            emission=self._emission(),
        )
        if more.unlit is not None:
            self._looks.note("unlit surfaces are lit")
            material = replace(material, metallic=0.0, roughness=_UNLIT_ROUGHNESS, normal_map=None)
        transmission = self._transmission()
        if transmission >= 0.5:
            material = _glass(material, more, _mean_rgb(colour))
        elif source.alpha_mode == "BLEND" and _is_film(alpha):
            material = film(material, _mean_rgb(colour), float(np.mean(alpha)))
        elif source.alpha_mode != "OPAQUE":
            cutoff = source.alpha_cutoff if source.alpha_mode == "MASK" else 0.5
            material = replace(material, opacity=self._holes(alpha, cutoff))
        if material.transmission == 0 and material.metallic == 0.0 and isinstance(material.colour, tuple):
            red, green, blue = (min(share, _WHITEST) for share in material.colour)
            material = replace(material, colour=(red, green, blue))
        solid = material.transmission > 0 and not material.thin
        return Look(material, self._place, solid)

    def _texture(self, info: schema.TextureInfo | None, name: str) -> tuple[Pixels, tuple[float, float]] | None:
        """A texture's pixels and repeat over the texture coordinates that the first texture has fixed."""
        if info is None:
            return None
        place = place_of(info)
        if place.uv_set not in self._uv_sets:
            self._looks.note(f"a {name} picture is left out: the surface lacks its texture coordinates")
            return None
        repeat = (1.0, 1.0) if self._place is None else repeat_between(self._place, place)
        if repeat is None:
            self._looks.note(f"a {name} picture is left out: it lies otherwise than the base colour's")
            return None
        pixels = self._looks.picture(info)
        if self._place is None:
            self._place = place
        return pixels, repeat

    def _colour_and_alpha(self, base: schema.MetallicRoughness) -> tuple[Rgb | Texture, Shares]:
        red, green, blue, alpha = base.base_color_factor
        found = self._texture(base.base_color_texture, "base colour")
        if found is None:
            return (red, green, blue), np.array([[alpha]])
        pixels, repeat = found
        shares = pixels[..., 3] / 255 * alpha
        return _colour(tinted(pixels[..., :3], (red, green, blue)), repeat), shares

    def _roughness_and_metallic(self, base: schema.MetallicRoughness) -> tuple[float | Texture, float | Texture]:
        info = base.metallic_roughness_texture
        if info is None and base.metallic_factor is None and base.roughness_factor is None:
            self._looks.note("surfaces that state neither metal nor roughness are shown as plain plastic, not metal")
            return _SILENT_ROUGHNESS, 0.0
        rough = 1.0 if base.roughness_factor is None else base.roughness_factor
        metal = 1.0 if base.metallic_factor is None else base.metallic_factor
        found = self._texture(info, "roughness")
        if found is None:
            return rough, metal if info is None else 0.0
        pixels, repeat = found
        return _share(scaled(pixels[..., 1], rough), repeat), _share(scaled(pixels[..., 2], metal), repeat)

    def _normal_map(self) -> Texture | None:
        info = self._source.normal_texture
        found = self._texture(info, "normal")
        if found is None or info is None or info.scale == 0.0 or is_plain(found[0][..., :3]):
            return None
        return Texture(with_strength(found[0][..., :3], info.scale), srgb=False, repeat=found[1])

    def _emission(self) -> Rgb | Texture:
        strength = self._source.extensions.emissive_strength.emissive_strength
        red, green, blue = (min(share * strength, _MAX_EMISSION) for share in self._source.emissive_factor)
        if max(red, green, blue) <= 0:
            return (0.0, 0.0, 0.0)
        found = self._texture(self._source.emissive_texture, "emissive")
        if found is None:
            # A glow whose picture is missing is no glow all over.
            return (red, green, blue) if self._source.emissive_texture is None else (0.0, 0.0, 0.0)
        if max(red, green, blue) > 1:
            self._looks.note("emissive pictures are not brighter than 1")
        return _colour(tinted(found[0][..., :3], (red, green, blue)), found[1])

    def _transmission(self) -> float:
        transmission = self._source.extensions.transmission
        if transmission is None:
            return 0.0
        found = self._texture(transmission.transmission_texture, "transmission")
        share = 1.0 if found is None else float(found[0][..., 0].mean()) / 255
        return transmission.transmission_factor * share

    def _holes(self, alpha: Shares, cutoff: float) -> float | Texture:
        kept = alpha >= cutoff
        if kept.all() or alpha.size == 1:
            return 1.0 if kept.all() else 0.0
        info = self._source.pbr_metallic_roughness.base_color_texture
        found = self._texture(info, "opacity")
        repeat = (1.0, 1.0) if found is None else found[1]
        return Texture((kept * 255).astype(np.uint8)[..., None], srgb=False, repeat=repeat)


def _colour(pixels: Pixels, repeat: tuple[float, float]) -> Rgb | Texture:
    return _mean_rgb(Texture(pixels)) if is_plain(pixels, 0) else Texture(pixels, repeat=repeat)


def _share(pixels: Pixels, repeat: tuple[float, float]) -> float | Texture:
    return float(pixels.mean()) / 255 if is_plain(pixels) else Texture(pixels, srgb=False, repeat=repeat)


def _mean_rgb(colour: Rgb | Texture) -> Rgb:
    if not isinstance(colour, Texture):
        return colour
    red, green, blue = to_linear(colour.pixels.reshape(-1, 3) / 255).mean(axis=0)
    return (float(red), float(green), float(blue))


def _specular(more: schema.MaterialExtensions) -> float:
    """Our strength of a reflection: 1 reflects 8 % of light that comes straight (Burley 2012)."""
    ior = more.ior.ior
    straight = ((ior - 1) / (ior + 1)) ** 2 if ior >= 1 else 1.0
    colour = sum(more.specular.specular_color_factor) / 3
    return min(straight * more.specular.specular_factor * colour / 0.08, 1.0)


def _glass(material: Material, more: schema.MaterialExtensions, colour: Rgb) -> Material:
    """Glass: thin without a volume, as glTF has it; light passes two surfaces, so each takes the root of the tint."""
    volume = more.volume
    thin = volume is None or volume.thickness_factor == 0.0
    tint = np.array(colour)
    if volume is not None and volume.attenuation_distance is not None:
        # Beer-Lambert over the stated thickness (KHR_materials_volume).
        depth = min(volume.thickness_factor / volume.attenuation_distance, 8.0)
        tint = tint * np.array(volume.attenuation_color) ** depth
    red, green, blue = tint if thin else np.sqrt(tint)
    rough = material.roughness
    roughness = rough if isinstance(rough, float) else float(rough.pixels.mean()) / 255
    ior = float(np.clip(more.ior.ior, 1.01, 3.0))
    tinted_glass = (float(red), float(green), float(blue))
    return replace(
        material,
        transmission=1.0,
        thin=thin,
        tint=tinted_glass,
        ior=ior,
        roughness=roughness,
        normal_map=None,
        metallic=0.0,
    )


def _is_film(alpha: Shares) -> bool:
    low, high = _FILM
    between = float(((alpha > low) & (alpha < high)).mean())
    return between > _FILM_SHARE and float(alpha.mean()) < _FILM_MEAN


def film(material: Material, colour: Rgb, alpha: float) -> Material:
    """A clear sheet that takes as much of the light as alpha says, in the surface's colour."""
    red, green, blue = (1 - alpha + alpha * share for share in colour)
    return replace(
        material, transmission=1.0, thin=True, tint=(red, green, blue), roughness=0.0, normal_map=None, metallic=0.0
    )
