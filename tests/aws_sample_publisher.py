"""Publishes one action as the AWS sample's clients do, with the sample's client library.

usage: aws_sample_publisher.py ROBOT HOST PORT CERTS ACTION
"""

import sys

from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

robot, host, port, certs, action = sys.argv[1:]
client = AWSIoTMQTTClient("desk")
client.configureEndpoint(host, int(port))
client.configureCredentials(
    f"{certs}/cacert.pem", f"{certs}/private.pem.key", f"{certs}/certificate.pem"
)
client.connect()
client.publish(f"{robot}/action", action, 1)
client.disconnect()
