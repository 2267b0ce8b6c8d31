"""What the servers are told."""

import json
from pathlib import Path

from infra.local_cluster.cassandra_server import cassandra_yaml
from infra.local_cluster.kafka_server import server_properties

DATA = Path("/data")


def kafka_settings() -> dict[str, str]:
    text = server_properties(port=9092, controller_port=9093, data=DATA)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_kafka_listens_on_loopback_only() -> None:
    settings = kafka_settings()
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092"


def test_no_client_makes_a_topic_by_mistake() -> None:
    assert kafka_settings()["auto.create.topics.enable"] == "false"


def test_cassandra_listens_on_loopback_only() -> None:
    settings = json.loads(cassandra_yaml(port=9042, storage_port=7000, data=DATA))
    assert settings["listen_address"] == settings["rpc_address"] == "127.0.0.1"
    assert (settings["native_transport_port"], settings["storage_port"]) == (9042, 7000)
    assert settings["seed_provider"][0]["parameters"] == [{"seeds": "127.0.0.1:7000"}]


def test_everything_cassandra_keeps_is_in_its_folder() -> None:
    settings = json.loads(cassandra_yaml(port=9042, storage_port=7000, data=DATA))
    folders = [value for name, value in settings.items() if name.endswith("_directory")]
    assert all(folder.startswith("/data/") for folder in folders)
    assert settings["data_file_directories"] == ["/data/data"]
