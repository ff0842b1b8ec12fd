#!/usr/bin/env python3
"""A client of the protocol in one file, written from ../spec alone. Python 3, standard library only.

    remora_client.py NAMESERVER send TOPIC TEXT [--tag TAG] [--key KEY]
    remora_client.py NAMESERVER pull TOPIC [--count N] [--group GROUP] [--tag TAG] [--wait SECONDS]

Prints one JSON object a line: {"sent": …} or {"message": …}, and at the end of a pull {"committed": …}.
Exit code 1: refused or nothing found; the reason is on standard error.
"""
import argparse
import json
import os
import socket
import struct
import sys
import time
import zlib

SEND_V2, PULL, QUERY_OFFSET, UPDATE_OFFSET, MIN_OFFSET, HEART_BEAT, UNREGISTER, ROUTE = 310, 11, 14, 15, 31, 34, 35, 105
PERM_READ, PERM_WRITE = 4, 2
QUEUES_WANTED = 4
RETRY_ELSEWHERE = {1, 2, 14, 16, 17, 204, 205, 1500}


class Refused(Exception):
    def __init__(self, code, remark):
        super().__init__(f"code {code}: {remark}")
        self.code = code


class Connection:
    """One connection to a nameserver or broker; one request at a time (chapters 1 and 2)."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        self.opaque = 0

    def ask(self, code, fields=None, body=b"", timeout=5.0):
        """Returns (code, fields, body) of the reply."""
        self.opaque += 1
        header = {"code": code, "language": "PYTHON", "version": 493, "opaque": self.opaque, "flag": 0,
                  "extFields": {name: text(value) for name, value in (fields or {}).items()}}
        head = json.dumps(header).encode()
        self.socket.settimeout(timeout)
        self.socket.sendall(struct.pack(">II", 4 + len(head) + len(body), len(head)) + head + body)
        while True:
            reply, body = self.read()
            if reply["flag"] & 1 and reply["opaque"] == self.opaque:
                if reply["code"] in (0, 19, 20, 21):
                    return reply["code"], reply.get("extFields") or {}, body
                raise Refused(reply["code"], reply.get("remark"))
            # A request of the broker, such as 40; this client has nothing to rebalance.

    def read(self):
        length, word = struct.unpack(">II", self.exactly(8))
        if not 4 <= length <= 16 * 1024 * 1024 or word & 0xFFFFFF > length - 4:
            raise ValueError(f"not a frame: length {length}, header word {word:#x}")
        rest = self.exactly(length - 4)
        head, body = rest[:word & 0xFFFFFF], rest[word & 0xFFFFFF:]
        if word >> 24 != 0:
            raise ValueError("a binary header in reply to a JSON one")
        return json.loads(head), body

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the connection was closed")
            data += piece
        return data


def text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


class Client:
    def __init__(self, nameserver):
        self.nameserver = Connection(nameserver)
        self.connections = {}
        self.id = f"127.0.0.1@{os.getpid()}#{time.time_ns()}"
        self.counter = 0

    def broker(self, address):
        if address not in self.connections:
            self.connections[address] = Connection(address)
        return self.connections[address]

    def queues(self, topic, permission, count):
        """Queues of a topic as (broker name, address of the master, queue id): chapter 4, Route."""
        _, _, body = self.nameserver.ask(ROUTE, {"topic": topic, "acceptStandardJsonOnly": True})
        route = json.loads(body)
        masters = {broker["brokerName"]: broker["brokerAddrs"].get("0") for broker in route["brokerDatas"]}
        return [(data["brokerName"], masters[data["brokerName"]], queue)
                for data in route["queueDatas"]
                if data["perm"] & permission and masters.get(data["brokerName"])
                for queue in range(data[count])]

    def send(self, topic, body, tag=None, key=None):
        try:
            queues = self.queues(topic, PERM_WRITE, "writeQueueNums")
        except Refused as refusal:
            if refusal.code != 17:
                raise
            # The broker makes the topic with no more queues than field d asks for.
            queues = [queue for queue in self.queues("TBW102", PERM_WRITE, "writeQueueNums") if queue[2] < QUEUES_WANTED]
        if not queues:
            raise Refused(17, f"topic {topic} has no queue to write to")
        properties = {"UNIQ_KEY": self.unique_id(), "WAIT": "true", "TAGS": tag, "KEYS": key}
        failure = None
        for attempt in range(3):
            broker, address, queue = queues[(os.getpid() + attempt) % len(queues)]
            fields = {"a": "python-producer", "b": topic, "c": "TBW102", "d": QUEUES_WANTED, "e": queue, "f": 0,
                      "g": time.time_ns() // 1_000_000, "h": 0, "j": 0, "k": False, "m": False, "n": broker,
                      "i": "".join(f"{n}\x01{v}\x02" for n, v in properties.items() if v)}
            try:
                _, reply, _ = self.broker(address).ask(SEND_V2, fields, body)
                return {"topic": topic, "broker": broker, "queueId": int(reply["queueId"]),
                        "queueOffset": int(reply["queueOffset"]), "msgId": properties["UNIQ_KEY"],
                        "offsetMsgId": reply["msgId"]}
            except (Refused, OSError) as problem:
                failure = problem
                if isinstance(problem, Refused) and problem.code not in RETRY_ELSEWHERE:
                    break
        raise failure

    def unique_id(self):
        now = time.time_ns() // 1_000_000
        day = time.gmtime(now // 1000)
        since = now % 1000 + 1000 * (day.tm_sec + 60 * day.tm_min + 3600 * day.tm_hour + 86400 * (day.tm_mday - 1))
        self.counter += 1
        return struct.pack(">4sHIIH", b"\x7f\0\0\x01", os.getpid() & 0xFFFF, 0, since, self.counter & 0xFFFF).hex().upper()

    def pull(self, topic, group, expression, count, wait_s):
        """Yields up to `count` messages from the group's offsets on, and commits what it yielded."""
        version = time.time_ns() // 1_000_000
        queues = self.queues(topic, PERM_READ, "readQueueNums")
        tags = set() if expression == "*" else {tag.strip() for tag in expression.split("||")}
        subscription = {"topic": topic, "subString": expression, "tagsSet": sorted(tags), "subVersion": version,
                        "codeSet": [java_hash(tag) for tag in sorted(tags)], "expressionType": "TAG"}
        beat = {"clientID": self.id, "producerDataSet": [], "consumerDataSet": [{
            "groupName": group, "consumeType": "CONSUME_ACTIVELY", "messageModel": "CLUSTERING",
            "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "subscriptionDataSet": [subscription]}]}
        for address in {queue[1] for queue in queues}:
            self.broker(address).ask(HEART_BEAT, body=json.dumps(beat).encode())
        offsets = {queue: self.first_offset(topic, group, queue) for queue in queues}
        done, deadline = 0, time.monotonic() + wait_s
        while done < count and (not done or time.monotonic() < deadline):
            before = done
            for queue in queues:
                common = {"consumerGroup": group, "topic": topic, "queueId": queue[2]}
                fields = dict(common, queueOffset=offsets[queue], maxMsgNums=min(32, count - done), sysFlag=4,
                              commitOffset=0, suspendTimeoutMillis=0, subscription=expression, subVersion=version,
                              expressionType="TAG")
                code, reply, body = self.broker(queue[1]).ask(PULL, fields)
                if code != 0:
                    offsets[queue] = int(reply["nextBeginOffset"])
                    continue
                for message in records(body):
                    if done == count:
                        break
                    offsets[queue] = message["queueOffset"] + 1
                    if not tags or message["properties"].get("TAGS") in tags:
                        done += 1
                        yield {"message": dict(message, broker=queue[0])}
                else:
                    offsets[queue] = int(reply["nextBeginOffset"])
            if done == before:
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.05)
        for queue, offset in offsets.items():
            self.broker(queue[1]).ask(UPDATE_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": queue[2],
                                                      "commitOffset": offset})
        for address in {queue[1] for queue in queues}:
            self.broker(address).ask(UNREGISTER, {"clientID": self.id, "consumerGroup": group})
        yield {"committed": {f"{queue[0]}:{queue[2]}": offset for queue, offset in offsets.items()}}

    def first_offset(self, topic, group, queue):
        fields = {"consumerGroup": group, "topic": topic, "queueId": queue[2]}
        try:
            return int(self.broker(queue[1]).ask(QUERY_OFFSET, fields)[1]["offset"])
        except Refused as refusal:
            if refusal.code != 22:
                raise
            return int(self.broker(queue[1]).ask(MIN_OFFSET, {"topic": topic, "queueId": queue[2]})[1]["offset"])


def java_hash(string):
    units = struct.unpack(f">{len(string.encode('utf-16-be')) // 2}H", string.encode("utf-16-be"))
    value = 0
    for unit in units:
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def records(data):
    """The messages of a pull's body: chapter 3."""
    at = 0
    while at < len(data):
        total, magic, crc, queue_id, flag, queue_offset, physical, sys_flag, born = struct.unpack_from(">iIIiiqqiq", data, at)
        here = at + 48 + (20 if sys_flag & 16 else 8)
        (stored,) = struct.unpack_from(">q", data, here)
        here += 8 + (20 if sys_flag & 32 else 8)
        (reconsumed,) = struct.unpack_from(">i", data, here)
        here += 12
        (size,) = struct.unpack_from(">i", data, here)
        body, here = data[here + 4:here + 4 + size], here + 4 + size
        if body and zlib.crc32(body) & 0x7FFFFFFF != crc:
            raise ValueError(f"body of the message at offset {queue_offset} is damaged")
        if sys_flag & 1 and sys_flag & 0x700 in (0, 0x300):
            body = zlib.decompress(body)
        width = ">B" if magic == 0xDAA320A7 else ">H"
        (size,) = struct.unpack_from(width, data, here)
        here += struct.calcsize(width)
        topic, here = data[here:here + size].decode(), here + size
        (size,) = struct.unpack_from(">h", data, here)
        pairs = [item.split("\x01", 1) for item in data[here + 2:here + 2 + size].decode().split("\x02") if "\x01" in item]
        properties = {name: value for name, value in pairs if name != "__CRC32#"}
        yield {"topic": topic, "queueId": queue_id, "queueOffset": queue_offset, "flag": flag, "bornTimestamp": born,
               "storeTimestamp": stored, "reconsumeTimes": reconsumed, "physicalOffset": physical,
               "msgId": properties.get("UNIQ_KEY"), "properties": properties, "body": body.decode(errors="replace")}
        at += total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nameserver")
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send")
    send.add_argument("topic")
    send.add_argument("text")
    send.add_argument("--tag")
    send.add_argument("--key")
    pull = commands.add_parser("pull")
    pull.add_argument("topic")
    pull.add_argument("--count", type=int, default=1)
    pull.add_argument("--group", default="python-consumer")
    pull.add_argument("--tag", default="*", help="TagA || TagB")
    pull.add_argument("--wait", type=float, default=5.0, help="seconds to wait for messages")
    arguments = parser.parse_args()
    try:
        client = Client(arguments.nameserver)
        if arguments.command == "send":
            lines = [{"sent": client.send(arguments.topic, arguments.text.encode(), arguments.tag, arguments.key)}]
        else:
            lines = client.pull(arguments.topic, arguments.group, arguments.tag, arguments.count, arguments.wait)
        found = 0
        for line in lines:
            found += "committed" not in line
            print(json.dumps(line, ensure_ascii=False), flush=True)
        return 0 if found else 1
    except (Refused, OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
