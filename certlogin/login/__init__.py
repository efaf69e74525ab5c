"""The decisions of one login: rules, policy, challenge, proof, ticket, seal. PURE."""
