"""The kinds of file that can be imported, as data: fields, titles, parsers, rules and keys.

A further kind is a further entry here (and a raw table). How files are opened is in `files.py`,
how rows are judged in `rows.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from soleflip_pipelines.imports import values
from soleflip_pipelines.imports.values import BadValue
from soleflip_pipelines.warehouse.loader import RawTable

Values = dict[str, str | None]
Parser = Callable[[str], str | None]


@dataclass(frozen=True)
class Field:
    """A canonical field.

    Attributes:
        parse: from a cell to canonical text.
        titles: the column titles that mean it, folded, the surest first.
        is_required: a row without it is refused, and a file without its column too.
    """

    name: str
    parse: Parser
    titles: tuple[str, ...]
    is_required: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        money_fields: share the row's currency; their columns may carry it.
        positive: must be over zero.
        not_negative: must not be under zero.
        one_of: at least one of these must be there.
        finish: fills and checks what depends on several fields; may raise `BadValue`.
        key: the natural key of finished values.
    """

    name: str
    table: RawTable
    fields: tuple[Field, ...]
    money_fields: tuple[str, ...]
    positive: tuple[str, ...]
    not_negative: tuple[str, ...]
    one_of: tuple[str, ...]
    finish: Callable[[Values], None]
    key: Callable[[Values], str]
    numbered_within: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the required fields."""
        return tuple(field.name for field in self.fields if field.is_required)


def _titles(words: str) -> tuple[str, ...]:
    return tuple(title.strip() for title in words.split(","))


def _settle_vat(row: Values) -> None:
    """A stated rate without a scheme is the ordinary scheme; nothing stated is no VAT."""
    if row["vat_scheme"] is None:
        row["vat_scheme"] = "standard" if Decimal(row["vat_rate"] or 0) > 0 else "none"
    if row["vat_scheme"] == "standard" and row["vat_rate"] is None:
        raise BadValue("missing_value", "vat_rate is needed where VAT can be deducted")


def _purchase_key(row: Values) -> str:
    return f"{(row['supplier_name'] or '').lower()}|{row['purchase_ref']}|{row['line_no']}"


def _sale_key(row: Values) -> str:
    return f"{row['platform']}|{row['order_number']}"


def _nothing_more(row: Values) -> None:
    """No field of this kind depends on another."""


_UNIT = Field(
    "unit_ref",
    values.text,
    _titles(
        "unit ref,unit reference,unit,unit id,serial,serial no,serial number,inventory id,"
        "inventory number,stock id,einheit,inventarnummer,inventarnr,seriennummer,stueck id"
    ),
)
_NAME_TITLES = (
    "product name,product,item name,item,title,article name,model,artikelbezeichnung,artikelname,"
    "produktname,produkt,artikel,bezeichnung,modell,description,beschreibung,name"
)
_CODE_TITLES = (
    "style code,style id,style no,style,sku,article number,article no,mpn,model number,model no,"
    "artikelnummer,artikelnr,artikel nr,stilcode,style nr,modellnummer,herstellernummer"
)
_SIZE = Field("size", values.text, _titles("size,groesse,us size,eu size,schuhgroesse,sz"))
_CURRENCY = Field(
    "currency_code", values.currency, _titles("currency code,currency,waehrung,curr,cur")
)

PURCHASES = Kind(
    name="purchases",
    table=RawTable("raw_csv", "purchases", ("line_key",)),
    fields=(
        Field(
            "supplier_name",
            values.text,
            _titles(
                "supplier name,supplier,vendor,lieferant,haendler,verkaeufer,bezugsquelle,shop,"
                "store,seller,merchant,lieferantenname"
            ),
            is_required=True,
        ),
        Field(
            "purchase_ref",
            values.text,
            _titles(
                "purchase ref,purchase reference,purchase order,po number,po no,po,order number,"
                "order no,order id,order ref,order,invoice number,invoice no,invoice,reference,"
                "bestellnummer,bestellnr,bestell nr,bestellung,auftragsnummer,rechnungsnummer,"
                "rechnungsnr,rechnung,belegnummer,belegnr,beleg,referenz"
            ),
            is_required=True,
        ),
        Field(
            "line_no",
            values.count,
            _titles("line no,line number,line,position,pos,posnr,pos nr,zeile,lfd nr"),
        ),
        _UNIT,
        Field(
            "purchased_on",
            values.day,
            _titles(
                "purchased on,purchase date,order date,ordered on,bought on,invoice date,"
                "bestelldatum,kaufdatum,gekauft am,rechnungsdatum,belegdatum,date,datum"
            ),
            is_required=True,
        ),
        Field(
            "received_on",
            values.day,
            _titles(
                "received on,received,receipt date,delivery date,delivered on,delivered,arrived on,"
                "wareneingang,eingang,eingangsdatum,lieferdatum,geliefert am,erhalten am,erhalten"
            ),
        ),
        Field("product_name", values.text, _titles(_NAME_TITLES)),
        Field("brand", values.text, _titles("brand,marke,hersteller,manufacturer")),
        Field("style_code", values.text, _titles(_CODE_TITLES)),
        _SIZE,
        Field(
            "quantity",
            values.count,
            _titles("quantity,qty,units,pieces,pcs,menge,anzahl,stueckzahl,stueck,stk"),
            is_required=True,
        ),
        Field(
            "unit_price",
            values.amount,
            _titles(
                "unit price,price per unit,price each,unit cost,purchase price,price,cost,"
                "einzelpreis,stueckpreis,preis pro stueck,einkaufspreis,ek preis,ek,kaufpreis,preis"
            ),
            is_required=True,
        ),
        _CURRENCY,
        Field(
            "vat_rate",
            values.rate,
            _titles(
                "vat rate,tax rate,vat,tax,mwst satz,ust satz,steuersatz,mwst,ust,mehrwertsteuer,"
                "umsatzsteuer"
            ),
        ),
        Field(
            "vat_scheme",
            values.vat_scheme,
            _titles("vat scheme,tax scheme,vat type,besteuerung,besteuerungsart,steuerart"),
        ),
        Field(
            "shipping_total",
            values.amount,
            _titles(
                "shipping total,shipping cost,shipping costs,shipping,postage,freight,"
                "delivery cost,versandkosten,versand,porto,fracht"
            ),
        ),
        Field(
            "cashback_total",
            values.amount,
            _titles("cashback total,cashback,rebate,rueckverguetung,bonus"),
        ),
        Field(
            "location",
            values.text,
            _titles(
                "location,warehouse,storage,shelf,bin,lagerort,lagerplatz,lager,regal,standort"
            ),
        ),
    ),
    money_fields=("unit_price", "shipping_total", "cashback_total"),
    positive=("quantity", "unit_price", "line_no"),
    not_negative=("shipping_total", "cashback_total"),
    one_of=("product_name", "style_code"),
    finish=_settle_vat,
    key=_purchase_key,
    numbered_within=("supplier_name", "purchase_ref"),
)

SALES = Kind(
    name="sales",
    table=RawTable("raw_csv", "sales", ("sale_key",)),
    fields=(
        Field(
            "platform",
            values.lower_text,
            _titles("platform,marketplace,channel,sold via,plattform,marktplatz,kanal"),
            is_required=True,
        ),
        Field(
            "order_number",
            values.text,
            _titles(
                "order number,order no,order id,order,sale id,bestellnummer,bestellnr,"
                "auftragsnummer,verkaufsnummer"
            ),
            is_required=True,
        ),
        _UNIT,
        Field(
            "sold_on",
            values.day,
            _titles("sold on,sale date,date sold,sold,verkaufsdatum,verkauft am,date,datum"),
            is_required=True,
        ),
        Field("product_name", values.text, _titles(_NAME_TITLES)),
        Field("style_code", values.text, _titles(_CODE_TITLES)),
        _SIZE,
        Field(
            "sale_price",
            values.amount,
            _titles("sale price,selling price,sold for,price,verkaufspreis,vk preis,vk,preis"),
            is_required=True,
        ),
        _CURRENCY,
        Field(
            "fees_total",
            values.amount,
            _titles("fees total,total fees,fees,fee,gebuehren,gebuehr,provision"),
        ),
        Field(
            "shipping_paid",
            values.amount,
            _titles(
                "shipping paid,shipping cost,shipping,postage,versand bezahlt,versandkosten,"
                "versand,porto"
            ),
        ),
        Field(
            "payout_total",
            values.amount,
            _titles("payout total,payout,net payout,paid out,auszahlung,auszahlungsbetrag"),
        ),
    ),
    money_fields=("sale_price", "fees_total", "shipping_paid", "payout_total"),
    positive=("sale_price",),
    not_negative=("fees_total", "shipping_paid"),
    one_of=(),
    finish=_nothing_more,
    key=_sale_key,
)

KINDS = (PURCHASES, SALES)
