"""The pages and forms of the 证书在线服务系统, one module per journey; `routes.py` lists every address."""
