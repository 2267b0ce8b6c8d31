"""What may be wrong with bytes that should hold a message.

Undecodable
└── UnknownSchema
"""


class Undecodable(Exception):
    """These bytes hold no message that can be read; reading them again will not help."""


class UnknownSchema(Undecodable):
    """The schema is not among ours; a newer release may know it."""
