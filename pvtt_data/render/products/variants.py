"""Scents, tastes and kinds: what makes one article of a line different from the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """A scent, taste or kind: its name, the drawing that suits it, its hue in degrees of OKLCh."""

    name: str
    motif: str
    hue: float


def _variants(text: str) -> tuple[Variant, ...]:
    """Variants from "name:motif:hue, ..."."""
    made = []
    for entry in text.split(", "):
        name, motif, hue = entry.split(":")
        made.append(Variant(name.strip(), motif, float(hue)))
    return tuple(made)


SCENTS = _variants(
    "Lavender:sprig:300, Wild Rose:flower:5, Blood Orange:citrus:48, Lemon Verbena:citrus:105, "
    "Green Tea:leaves:140, Sea Mineral:waves:215, Oat & Honey:grain:80, Eucalyptus:leaves:165, "
    "Garden Mint:leaves:158, Bergamot:citrus:115, Cedar & Smoke:peaks:55, Fig Leaf:orchard:330, "
    "White Peach:orchard:40, Sandalwood:arcs:60, Orange Blossom:flower:65, Black Pepper:confetti:25, "
    "Jasmine:flower:95, Rain:drops:240, Juniper:berries:265, Amber:sun:70, Neroli:flower:85, "
    "Sage & Salt:sprig:150, Pomegranate:berries:18, Moonflower:moon:285, Charcoal:arcs:250"
)
FRUITS = _variants(
    "Orange:citrus:58, Blood Orange:citrus:40, Lemon & Ginger:citrus:100, Lime & Mint:citrus:130, "
    "Apple:orchard:135, Red Apple:orchard:25, Peach:orchard:50, Mango:orchard:75, Sour Cherry:cherry:20, "
    "Raspberry:berries:10, Blackcurrant:berries:315, Blueberry:berries:275, Elderflower:flower:110, "
    "Pink Grapefruit:citrus:25, Pear:orchard:120, Plum:orchard:330, Rhubarb:confetti:5, "
    "Cranberry:berries:20"
)
PERFUME = _variants(
    "Nuit Claire:moon:280, Vetiver Nine:arcs:130, Rose Fume:flower:10, Bois Doux:peaks:60, "
    "Sel Marin:waves:220, Iris Gris:flower:300, Figue Verte:orchard:140, Ambre Lent:sun:70, "
    "Fleur Basse:flower:350, Poivre Bleu:confetti:255, Neroli Vif:citrus:90, Cuir Pale:arcs:55, "
    "Thym Blanc:sprig:120, Lune Rousse:moon:35"
)
LIPSTICK = _variants(
    "Poppy:flower:28, Brick:arcs:35, Dusty Rose:flower:5, Fuchsia:flower:350, Coral Reef:waves:40, "
    "Plum Wine:berries:340, Nude Silk:arcs:50, Cinnamon:arcs:45, Scarlet:sun:25, Mulberry:berries:355"
)
WATER = _variants(
    "Still:waves:230, From the Hills:peaks:220, Granite Spring:peaks:200, Soft:drops:245, Lime:citrus:125, "
    "Mint:leaves:160, Glacier:peaks:235, Source No. 5:drops:210, Cucumber:leaves:145"
)
WINE = _variants(
    "Old Vines:leaves:20, Hill Parcel:peaks:60, Estate 2019:sun:75, Clos du Moulin:peaks:40, "
    "Terrasse Sud:sun:55, North Slope:peaks:250, Vendange 2021:berries:330, La Pierre:arcs:30, "
    "River Block:waves:230, Lone Oak:sprig:130, Cuvee No. 3:moon:90, Kestrel Hill:peaks:35"
)
OIL = _variants(
    "First Press:sprig:120, Single Grove:sprig:135, Early Harvest:leaves:125, Basil:leaves:145, "
    "Lemon:citrus:105, Rosemary:sprig:150, Chili:confetti:28, Roasted:grain:65, Barrel Aged:arcs:45, "
    "Mellow:sun:85"
)
TEA = _variants(
    "Earl Bergamot:citrus:75, Jasmine Pearl:flower:100, Sencha:leaves:140, Chamomile:flower:95, "
    "Rooibos:grain:40, Assam:leaves:35, Moroccan Mint:leaves:155, Ginger Lemon:citrus:95, "
    "Rosehip:berries:20, Evening:moon:280, Mountain:peaks:250, Breakfast:sun:60, Peppermint:leaves:165, "
    "Hibiscus:flower:5"
)
COFFEE = _variants(
    "Dark Roast:beans:40, House Blend:beans:60, Single Origin:peaks:150, Decaf:moon:250, Breakfast:sun:75, "
    "Light Roast:sun:85, Highland:peaks:200, Cocoa & Cherry:cherry:20, Caramel:drops:65, "
    "Night Shift:moon:285, Washed Lot 12:waves:230, Forest:leaves:150, Orange Zest:citrus:55"
)
SNACK = _variants(
    "Honey & Oat:grain:75, Almond:grain:60, Dark Cocoa:beans:45, Red Berry:berries:15, Sea Salt:waves:225, "
    "Apple & Cinnamon:orchard:30, Coconut:arcs:110, Orange:citrus:58, Peanut:beans:70, Rosemary:sprig:145, "
    "Cherry:cherry:18, Maple:leaves:50"
)
VITAMINS = _variants(
    "Daily:sun:75, Night:moon:280, Orange:citrus:58, Berry:berries:345, Lemon:citrus:100, "
    "Green:leaves:145, Focus:arcs:250, Balance:waves:210, Herbal:sprig:140, Cherry:cherry:15, "
    "Strong:peaks:30, Glow:flower:10"
)
TIN = _variants(
    "Earl Bergamot:citrus:75, Peppermint:leaves:165, Sea Salt:waves:230, Dark:beans:40, Orange:citrus:58, "
    "Violet:flower:300, Cherry:cherry:18, Honey:grain:80, Blackcurrant:berries:310, Butter:sun:90, "
    "Winter:moon:255, Alpine:peaks:210, Rose:flower:5"
)
