"""Currencies (ISO 4217) and exact amounts. Pure functions."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

# Every column stores three decimals; these currencies show another number than two.
_NO_DECIMALS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
)
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_TWO_DECIMALS = frozenset(
    (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN "
        "BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR "
        "FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
        "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR "
        "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON "
        "RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
        "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG"
    ).split()
)
CURRENCIES = _TWO_DECIMALS | _NO_DECIMALS | _THREE_DECIMALS


def exponent(currency: str) -> int:
    """Return the number of decimals that a currency is shown with."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def quantise(amount: Decimal, currency: str) -> Decimal:
    """Return an amount at its currency's own precision, rounded half-even."""
    step = Decimal(1).scaleb(-exponent(currency))
    return amount.quantize(step, rounding=ROUND_HALF_EVEN)


def amount_text(amount: Decimal, currency: str) -> str:
    """Return an amount as a text in the currency's own decimals, without grouping."""
    return format(quantise(amount, currency), "f")


def format_money(amount: Decimal, currency: str) -> str:
    """Return an amount as the reader writes numbers, grouped, with its currency."""
    return f"{format_amount(amount, currency)} {currency}"


def format_amount(amount: Decimal, currency: str) -> str:
    """Return an amount as the reader writes numbers, grouped, without its currency."""
    return number_format(quantise(amount, currency), force_grouping=True)


def to_column_decimals(amount: Decimal) -> Decimal:
    """Return an amount at the three decimals of the column, rounded half-even."""
    return amount.quantize(Decimal("0.001"), rounding=ROUND_HALF_EVEN)


def from_database(amount: object) -> Decimal:
    """Return a sum that the database made. SQLite adds decimals as floats."""
    return to_column_decimals(Decimal(str(amount or 0)))


def check_currency(code: str) -> None:
    """Raise ValidationError unless the code is a currency of ISO 4217."""
    if code not in CURRENCIES:
        msg = _("This is not a currency. Write its ISO 4217 code, like EUR.")
        raise ValidationError(msg, code="currency_unknown")
