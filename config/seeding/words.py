"""Names, streets, goods and sentences of which made-up data is put together."""

from __future__ import annotations

FIRST = (
    "Ada Alva Arne Asta Bea Bo Dag Dina Edda Egil Eira Elin Emil Esben Falk "
    "Frida Gro Hedda Ida Ingrid Ivar Jonas Kari Lars Lea Liv Magnus Maja Mia "
    "Nils Nora Odin Ola Pia Rolf Runa Saga Siri Sven Tara Tore Tuva Ulf Una "
    "Vera Vidar Ylva"
).split()
LAST = (
    "Aas Bakke Berg Dahl Eide Fjeld Foss Gran Hagen Haug Holm Krogh Lie Lund "
    "Moe Myhre Nygard Odden Roth Rud Sand Sletten Solberg Strand Sunde Tangen "
    "Vik Voll"
).split()
STREETS = ("Storgata Kirkeveien Havnegata Skolegata Fjordveien Parkveien").split()
TOWNS = [("Oslo", "0150"), ("Bergen", "5003"), ("Tromso", "9008"), ("Bodo", "8006")]
GOODS = [
    ("Rye bread", "4.50"),
    ("Oat bread", "4.20"),
    ("Cardamom bun", "2.80"),
    ("Birthday cake", "38.00"),
    ("Coffee, 250 g", "9.90"),
]
