"""The peer of `scripts/bench drive`: obeys actions through the AWS sample's client library.

It keeps what made the sample what it is, a callback that blocks for the whole pulse, and
writes what the wheels would do in the format of robot-agent's simulated board.

usage: sample_subscriber.py ROBOT HOST PORT CERTS TRANSCRIPT PULSE_MS
"""

import json
import sys
import time

from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

robot, host, port, certs, transcript, pulse_ms = sys.argv[1:]
board = open(transcript, "ab", buffering=0)


def write(left, right, stop=False):
    line = {"t_ns": time.time_ns(), "left": left, "right": right}
    if stop:
        line["stop"] = True
    board.write(json.dumps(line).encode() + b"\n")


def on_action(_client, _userdata, message):
    action = json.loads(message.payload)
    linear = action.get("linear", 0.0)
    write(linear, linear)
    if int(pulse_ms):
        time.sleep(int(pulse_ms) / 1000)
        write(0.0, 0.0, stop=True)


client = AWSIoTMQTTClient(robot)
client.configureEndpoint(host, int(port))
client.configureCredentials(
    f"{certs}/cacert.pem", f"{certs}/private.pem.key", f"{certs}/certificate.pem"
)
client.connect()
client.subscribe(f"{robot}/action", 1, on_action)
write(0.0, 0.0, stop=True)
while True:
    time.sleep(1)
