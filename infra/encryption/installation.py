"""The keyring of an installation, opened and handed to the process."""

from avro_schemas.encryption import use_encryptor
from avro_schemas.errors import KeysLost
from infra.encryption.keyring_file import KeyringFile
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import ASSET_EVENTS
from infra.settings import Settings


def installation_keyring(settings: Settings) -> KeyringFile:
    """Find the installation's keyring; nothing is read yet.

    One that was made before wrapping keys were set is still opened, and wrapped when it is written
    next; not in production.
    """
    unwrapped = () if settings.environment == "production" else ("",)
    return KeyringFile(settings.keyring_path, [*settings.keys.wrapping_keys.texts, *unwrapped])


def use_keyring(settings: Settings) -> KeyringFile:
    """Have this process use the installation's keyring, made if the log is empty still.

    Raises KeysLost when there is none though there are events, BrokerUnavailable.
    """
    file = installation_keyring(settings)
    if not file.exists():
        if any(LogBounds(settings.kafka.connection()).ends(ASSET_EVENTS).values()):
            raise KeysLost(
                f"no keyring at {settings.keyring_path}, and the log has events: bring it back from"
                " its backup; nothing was erased"
            )
        file.make()
    file.ring()  # what is wrong with it shows at once
    use_encryptor(file)
    return file
