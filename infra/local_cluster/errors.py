"""Errors of the local servers, each with advice.

ClusterError
├── JavaMissing
├── MavenMissing
├── InstallFailed
├── WrongJars
├── DiskNearlyFull
├── PortTaken
├── RunsOnOtherPort
├── ServerDied
└── ServerSilent
"""

from infra.errors import InfraError


class ClusterError(InfraError):
    """A server on this machine cannot run; the message says what to do."""


class JavaMissing(ClusterError):
    """No Java of a version that the server runs on."""


class MavenMissing(ClusterError):
    """Maven, which fetches the servers' jars, is not installed."""


class InstallFailed(ClusterError):
    """Maven could not fetch the servers' jars."""


class WrongJars(ClusterError):
    """The jars that arrived are not those whose checksums are committed."""


class DiskNearlyFull(ClusterError):
    """Too little space for a server to start safely."""


class PortTaken(ClusterError):
    """Another program listens on the port."""


class RunsOnOtherPort(ClusterError):
    """The server runs already, on a port that the settings no longer name."""


class ServerDied(ClusterError):
    """The server ended while it was starting."""


class ServerSilent(ClusterError):
    """The server runs and does not answer."""
