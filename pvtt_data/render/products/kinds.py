"""What shops sell, by kind: the words that may stand on a package."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from pvtt_data.render.products import variants
from pvtt_data.render.products.variants import Variant


@dataclass(frozen=True, slots=True)
class Kind:
    """What shops sell under one heading.

    Attributes:
        field: key of the second words of brands: "beauty", "food", "home".
        lines: what the article is called.
        variants: its kinds.
        quantities: what the pack holds.
        claims: short phrases for front and back.
        panel: which table the back carries: "nutrition", "directions" or "care".
    """

    field: str
    lines: tuple[str, ...]
    variants: tuple[Variant, ...]
    quantities: tuple[str, ...]
    claims: tuple[str, ...]
    panel: str


_MADE = ("Made with care", "Recyclable pack", "Small batch", "Since 1987", "Family made")
_SKIN = (
    "Vegan",
    "No silicones",
    "For every day",
    "With plant oils",
    "pH balanced",
    "Sensitive skin",
    "Fragrance free base",
)
_FOOD = ("No added sugar", "100% natural", "Source of fibre", "Gluten free", "No palm oil", "Organic", "Slow made")

KINDS = MappingProxyType(
    {
        "hair": Kind(
            "beauty",
            ("Shampoo", "Conditioner", "Body Wash", "Hand Wash", "Body Lotion", "Shower Oil", "Bath Foam"),
            variants.SCENTS,
            ("250 ml", "300 ml", "400 ml", "500 ml", "8.4 fl oz", "350 ml"),
            (*_SKIN, *_MADE),
            "directions",
        ),
        "serum": Kind(
            "beauty",
            ("Face Serum", "Facial Oil", "Vitamin Serum", "Night Elixir", "Beard Oil", "Scalp Tonic", "Glow Drops"),
            variants.SCENTS,
            ("30 ml", "50 ml", "20 ml", "1 fl oz"),
            _SKIN,
            "directions",
        ),
        "cream": Kind(
            "beauty",
            (
                "Day Cream",
                "Night Cream",
                "Clay Mask",
                "Body Butter",
                "Lip Balm",
                "Sugar Scrub",
                "Eye Cream",
                "Hair Mask",
            ),
            variants.SCENTS,
            ("50 ml", "75 ml", "100 ml", "200 ml", "1.7 oz"),
            _SKIN,
            "directions",
        ),
        "tube": Kind(
            "beauty",
            ("Hand Cream", "Face Wash", "Sun Cream", "Toothpaste", "Foot Balm", "Gel Mask", "Body Scrub", "BB Cream"),
            variants.SCENTS,
            ("75 ml", "50 ml", "100 ml", "125 ml", "2.5 fl oz"),
            _SKIN,
            "directions",
        ),
        "perfume": Kind(
            "beauty",
            ("Eau de Parfum", "Eau de Toilette", "Extrait", "Cologne"),
            variants.PERFUME,
            ("50 ml", "100 ml", "75 ml", "30 ml"),
            ("Vaporisateur", "Natural spray", "Bottled by hand"),
            "directions",
        ),
        "lipstick": Kind(
            "beauty",
            ("Satin Lipstick", "Matte Lipstick", "Lip Colour", "Velvet Rouge", "Cream Lipstick"),
            variants.LIPSTICK,
            ("3.5 g", "4 g", "0.12 oz"),
            _SKIN,
            "directions",
        ),
        "soap": Kind(
            "beauty",
            ("Soap Bar", "Shampoo Bar", "Hand Soap", "Savon", "Body Bar", "Shaving Soap"),
            variants.SCENTS,
            ("100 g", "120 g", "150 g", "4 oz"),
            (*_SKIN, *_MADE),
            "directions",
        ),
        "juice": Kind(
            "food",
            ("Pressed Juice", "Fruit Nectar", "Smoothie", "Lemonade", "Cold Press", "Iced Tea", "Cordial"),
            variants.FRUITS,
            ("330 ml", "500 ml", "750 ml", "1 L", "250 ml"),
            _FOOD,
            "nutrition",
        ),
        "water": Kind(
            "food",
            ("Spring Water", "Still Water", "Mineral Water", "Alpine Water", "Pure Water"),
            variants.WATER,
            ("500 ml", "750 ml", "1 L", "330 ml"),
            ("Bottled at the source", "Low in sodium", "Recycled bottle", "Naturally filtered"),
            "nutrition",
        ),
        "wine": Kind(
            "food",
            ("Red Wine", "Pinot Noir", "Riesling", "Vino Tinto", "Merlot", "Chardonnay", "Grande Cuvee", "Reserva"),
            variants.WINE,
            ("750 ml", "75 cl", "12.5% vol 75 cl"),
            ("Estate bottled", "Hand picked", "Aged in oak", "Unfiltered"),
            "care",
        ),
        "oil": Kind(
            "food",
            (
                "Olive Oil",
                "Walnut Oil",
                "Extra Virgin",
                "Balsamic Vinegar",
                "Avocado Oil",
                "Cider Vinegar",
                "Maple Syrup",
            ),
            variants.OIL,
            ("500 ml", "250 ml", "750 ml", "375 ml"),
            ("Cold extracted", "Harvested by hand", "Unfiltered", *_MADE),
            "nutrition",
        ),
        "preserve": Kind(
            "food",
            ("Jam", "Marmalade", "Chutney", "Fruit Spread", "Conserve", "Jelly", "Compote", "Curd"),
            variants.FRUITS,
            ("340 g", "250 g", "12 oz", "400 g"),
            _FOOD,
            "nutrition",
        ),
        "can": Kind(
            "food",
            ("Cola", "Sparkling Water", "Pale Ale", "Tonic", "Energy", "Cider", "Iced Tea", "Ginger Beer", "Soda"),
            variants.FRUITS,
            ("330 ml", "440 ml", "250 ml", "12 fl oz"),
            ("Serve cold", "Zero sugar", "Brewed slow", "Please recycle", "Real fruit"),
            "nutrition",
        ),
        "tea": Kind(
            "food",
            ("Black Tea", "Green Tea", "Herbal Tea", "Loose Leaf Tea", "Infusion", "White Tea"),
            variants.TEA,
            ("20 bags", "100 g", "50 bags", "80 g", "15 sachets"),
            (*_FOOD, "Brew 4 minutes"),
            "nutrition",
        ),
        "coffee": Kind(
            "food",
            ("Coffee", "Espresso Beans", "Ground Coffee", "Filter Coffee", "Whole Bean Coffee"),
            variants.COFFEE,
            ("250 g", "340 g", "12 oz", "500 g", "1 kg"),
            ("Roasted weekly", "Arabica", "Fair price", "Whole bean", "Freshness valve"),
            "care",
        ),
        "snack": Kind(
            "food",
            (
                "Granola",
                "Muesli",
                "Oat Biscuits",
                "Crackers",
                "Trail Mix",
                "Cocoa Clusters",
                "Rice Crisps",
                "Shortbread",
            ),
            variants.SNACK,
            ("350 g", "500 g", "12 oz", "200 g", "400 g"),
            _FOOD,
            "nutrition",
        ),
        "carton": Kind(
            "beauty",
            (
                "Face Cream",
                "Bath Salts",
                "Night Serum",
                "Soap Set",
                "Vitamin C",
                "Eye Patches",
                "Hair Mask",
                "Body Oil",
            ),
            variants.SCENTS,
            ("50 ml", "60 caps", "100 g", "6 pcs", "30 ml"),
            (*_SKIN, *_MADE),
            "directions",
        ),
        "vitamins": Kind(
            "beauty",
            (
                "Multivitamin",
                "Magnesium",
                "Omega Capsules",
                "Vitamin D",
                "Zinc & C",
                "Probiotic",
                "Iron Complex",
                "Collagen",
            ),
            variants.VITAMINS,
            ("60 capsules", "90 tablets", "120 pcs", "30 softgels"),
            ("One a day", "Lab tested", "Vegan", "No sugar", "High strength"),
            "nutrition",
        ),
        "candle": Kind(
            "home",
            ("Scented Candle", "Soy Candle", "Bougie", "Wax Candle", "Candle"),
            variants.SCENTS,
            ("180 g", "220 g", "40 h", "7.5 oz", "300 g"),
            ("Soy wax", "Cotton wick", "Burns 40 hours", "Poured by hand"),
            "care",
        ),
        "mug": Kind(
            "home",
            ("Mug", "Coffee Mug", "Stoneware Mug", "Camp Mug"),
            variants.SCENTS,
            ("350 ml", "300 ml", "12 oz"),
            ("Dishwasher safe", *_MADE),
            "care",
        ),
        "teapot": Kind(
            "home",
            ("Teapot", "Stoneware Teapot", "Porcelain Teapot", "Tea Pot"),
            variants.SCENTS,
            ("1 L", "800 ml", "1.2 L"),
            ("Dishwasher safe", *_MADE),
            "care",
        ),
        "tin": Kind(
            "food",
            ("Tea", "Biscuits", "Cocoa", "Mints", "Caramels", "Pastilles", "Spiced Nuts", "Hot Chocolate"),
            variants.TIN,
            ("125 g", "250 g", "80 g", "200 g"),
            _FOOD,
            "nutrition",
        ),
    }
)
"""What shops sell, by kind."""
