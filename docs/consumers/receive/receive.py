"""Takes deliveries of a webhook, verifies them and prints what they are.

Usage: SECRET=whsec_… receive.py HOST PORT
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))


def verified(headers, body):
    """Tells whether a message was signed with our secret within five minutes."""
    moment, name = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if not moment.isdigit() or abs(time.time() - int(moment)) > 300:
        return False
    mac = hmac.new(KEY, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    ours = "v1," + base64.b64encode(mac).decode()
    return any(hmac.compare_digest(ours, one) for one in headers.get("webhook-signature", "").split())


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not verified(self.headers, body):
            self.send_error(403)
            return
        message = json.loads(body)
        # Store what is to be done under webhook-id, which is the same if the message comes again. Then answer.
        print(self.headers["webhook-id"], message["type"], message["data"].get("cursor", ""), flush=True)
        self.send_response(204)
        self.end_headers()


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Receiver).serve_forever()
