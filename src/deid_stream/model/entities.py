"""The entity types of the contract, and which of them are redacted by default."""

from enum import StrEnum
from typing import Final


class EntityType(StrEnum):
    PERSON = "PERSON"
    PHONE_NUMBER = "PHONE_NUMBER"
    EMAIL_ADDRESS = "EMAIL_ADDRESS"
    ADDRESS = "ADDRESS"
    LOCATION = "LOCATION"
    CREDIT_CARD = "CREDIT_CARD"
    CARD_EXPIRY = "CARD_EXPIRY"
    CARD_CVV = "CARD_CVV"
    BANK_ACCOUNT = "BANK_ACCOUNT"
    IBAN_CODE = "IBAN_CODE"
    UPI_ID = "UPI_ID"
    IFSC = "IFSC"
    ID_NUMBER = "ID_NUMBER"
    US_SSN = "US_SSN"
    IN_AADHAAR = "IN_AADHAAR"
    IN_PAN = "IN_PAN"
    IN_GSTIN = "IN_GSTIN"
    PASSPORT = "PASSPORT"
    DRIVER_LICENSE = "DRIVER_LICENSE"
    UK_NHS = "UK_NHS"
    UK_NINO = "UK_NINO"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    AGE = "AGE"
    DATE_TIME = "DATE_TIME"
    PASSWORD = "PASSWORD"  # noqa: S105 - a type name
    IP_ADDRESS = "IP_ADDRESS"
    URL = "URL"
    USERNAME = "USERNAME"
    VEHICLE_ID = "VEHICLE_ID"
    ORGANIZATION = "ORGANIZATION"


OFF_BY_DEFAULT: Final = frozenset(
    {EntityType.LOCATION, EntityType.DATE_TIME, EntityType.AGE, EntityType.ORGANIZATION, EntityType.URL}
)
ON_BY_DEFAULT: Final = frozenset(EntityType) - OFF_BY_DEFAULT
