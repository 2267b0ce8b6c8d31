"""Why a log is not exported or restored.

ArchiveRefused
├── NotAnArchive    the directory holds none, or the manifest is damaged
├── ExportRefused   the directory holds something that this export cannot go on with
├── ArchiveDamaged  a file of it is not as it was written
├── ChainKeyWrong   it was made with a key that is not the one that was named
└── RestoreRefused  the installation is not empty, or in use
"""

from domain.errors import ScaleHosterError


class ArchiveRefused(ScaleHosterError):
    """An archive cannot do this now."""


class NotAnArchive(ArchiveRefused):
    """The directory holds no archive, or its manifest is damaged."""


class ExportRefused(ArchiveRefused):
    """The directory holds something that this export cannot go on with."""


class ArchiveDamaged(ArchiveRefused):
    """A file of the archive is not as it was written."""


class ChainKeyWrong(ArchiveRefused):
    """The archive was made with another key, with one where none was named, or with none."""


class RestoreRefused(ArchiveRefused):
    """The installation is not empty, or in use."""
