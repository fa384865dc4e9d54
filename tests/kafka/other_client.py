"""A producer and a consumer of isotherm's topic with another client library (kafka-python) and its own wire code.

other_client.py consume BROKERS TOPIC        prints a line `partition station count sum` a station
other_client.py refuse BROKERS PREFIX        forbids every user transactional ids that begin like this
other_client.py produce BROKERS TOPIC DAYS   writes a reading a day of twenty stations; prints a line `partition station` a station
"""

import datetime
import struct
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient, ResourcePattern
from kafka.admin import ResourceType


def field(number, wire_type, payload):
    return bytes([number << 3 | wire_type]) + payload


def text(number, value):
    value = value.encode()
    assert len(value) < 128
    return field(number, 2, bytes([len(value)]) + value)


def encode(station, date, degrees):
    return text(1, date) + field(2, 1, struct.pack("<d", degrees)) + text(3, station)


def decode(value):
    fields, at = {2: 0.0}, 0
    while at < len(value):
        number, wire_type = value[at] >> 3, value[at] & 7
        at += 1
        if wire_type == 1:
            fields[number] = struct.unpack_from("<d", value, at)[0]
            at += 8
        else:
            assert wire_type == 2 and value[at] < 128
            fields[number] = value[at + 1 : at + 1 + value[at]].decode()
            at += 1 + value[at]
    return fields[3], fields[1], fields[2]


def consume(brokers, topic):
    consumer = KafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False, isolation_level="read_committed")
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    stations = {}
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for partition, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                station, _, degrees = decode(record.value)
                assert record.key.decode() == station
                count, total = stations.get((partition.partition, station), (0, 0.0))
                stations[partition.partition, station] = count + 1, total + degrees
    for (partition, station), (count, total) in sorted(stations.items()):
        print(partition, station, count, repr(total))


def produce(brokers, topic, days):
    producer = KafkaProducer(bootstrap_servers=brokers, acks="all")
    written = {}
    for day in range(int(days)):
        date = (datetime.date(2001, 1, 1) + datetime.timedelta(day)).isoformat()
        for number in range(20):
            station = f"Other{number}"
            sent = producer.send(topic, key=station.encode(), value=encode(station, date, day / 10 + number))
            written.setdefault(station, []).append(sent)
    producer.flush()
    for station, sent in written.items():
        (partition,) = {future.get().partition for future in sent}
        print(partition, station)


def refuse(brokers, prefix):
    ids = ResourcePattern(ResourceType.TRANSACTIONAL_ID, prefix, ACLResourcePatternType.PREFIXED)
    acl = ACL("User:nobody", "*", ACLOperation.WRITE, ACLPermissionType.ALLOW, ids)
    result = KafkaAdminClient(bootstrap_servers=brokers).create_acls([acl])
    assert not result["failed"], result


if __name__ == "__main__":
    {"consume": consume, "produce": produce, "refuse": refuse}[sys.argv[1]](*sys.argv[2:])
