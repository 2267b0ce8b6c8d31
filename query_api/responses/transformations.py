"""A rendition that is made on demand, in a response: its name and its signed URL."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict


class TransformationAnswer(TypedDict, closed=True):
    """A rendition that is made on demand, in its one spelling, and its signed public URL."""

    transformation: Annotated[str, Field(examples=["w_800,h_600,fit_cover,f_webp,q_80"])]
    url: Annotated[str, Field(examples=["https://img.example/i/0190…/w_800,f_webp,q_80?s=…"])]
