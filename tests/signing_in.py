"""Signing in to the sandbox's Salesforce."""

import requests
from conftest import Sandbox

CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}


def signed_in(sandbox: Sandbox) -> requests.Session:
    url = f"{sandbox.url}/salesforce/services/oauth2/token"
    token = requests.post(url, CLIENT, timeout=10).json()
    assert token["instance_url"] == f"{sandbox.url}/salesforce"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token['access_token']}"
    return session
