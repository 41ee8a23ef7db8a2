"""Industries: the twenty sectors of the North American Industry Classification System (NAICS 2022).

The first two digits of a code name its sector. Source: US Census Bureau, NAICS 2022, structure table.
"""

from __future__ import annotations

from collections.abc import Mapping

SECTORS: Mapping[str, str] = {
    "11": "Agriculture, forestry, fishing and hunting",
    "21": "Mining, quarrying, oil and gas",
    "22": "Utilities",
    "23": "Construction",
    "31": "Manufacturing",
    "32": "Manufacturing",
    "33": "Manufacturing",
    "42": "Wholesale trade",
    "44": "Retail trade",
    "45": "Retail trade",
    "48": "Transportation and warehousing",
    "49": "Transportation and warehousing",
    "51": "Information",
    "52": "Finance and insurance",
    "53": "Real estate, rental and leasing",
    "54": "Professional, scientific and technical services",
    "55": "Management of companies",
    "56": "Administrative and waste services",
    "61": "Education",
    "62": "Health care and social assistance",
    "71": "Arts, entertainment and recreation",
    "72": "Accommodation and food services",
    "81": "Other services",
    "92": "Public administration",
}


def industry(code: str) -> str | None:
    """The sector that a NAICS code of two to six digits belongs to; ``None`` for one that there isn't."""
    return SECTORS.get(code[:2])
