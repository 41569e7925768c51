// Makes the replica set, its roles and its users, or repairs what differs; safe to repeat at each start of the first member.
const fs = require("fs");
const { REPLICA_SET, ARBITER, DATABASE, TLS_CA } = process.env;
const members = JSON.parse(process.env.MEMBERS);
const secret = (name) => fs.readFileSync(`/secret/${name}`, "utf8").trim();

// hello needs no login. Before there is a replica set, it names none.
if (!db.hello().setName) {
  const config = members.map((host, id) => ({ _id: id, host, priority: id === 0 ? 2 : 1 }));
  if (ARBITER) {
    config.push({ _id: members.length, host: ARBITER, arbiterOnly: true });
  }
  // Fails until every member answers; the caller tries again.
  db.adminCommand({ replSetInitiate: { _id: REPLICA_SET, members: config } });
  print(`replica set ${REPLICA_SET}: ${config.map((member) => member.host).join(", ")}`);
}

while (!db.hello().primary) {
  sleep(500);
}

// The first user can be made from this host only, on the primary, and only while there is none.
if (db.hello().isWritablePrimary) {
  try {
    db.getSiblingDB("admin").createUser({ user: "root", pwd: secret("rootPassword"), roles: ["root"] });
    print("user root made");
  } catch (error) {
    // Unauthorized: there is a user already, so that the exception for this host is over.
    if (error.code !== 13 && error.code !== 51003) {
      throw error;
    }
  }
}

const tls = TLS_CA ? `&tls=true&tlsCAFile=${encodeURIComponent(TLS_CA)}` : "";
const login = `root:${secret("rootPassword")}@${members.join(",")}`;
const shop = connect(`mongodb://${login}/${DATABASE}?replicaSet=${REPLICA_SET}&authSource=admin${tls}`);

// What mongodb/users.json says; `python -m shop_core.admin.mongo_users` does the same for a MongoDB that is run elsewhere.
const table = JSON.parse(fs.readFileSync("/scripts/users.json", "utf8"));
const there = (found) => found.length > 0;
for (const [role, { actions, collections = [""] }] of Object.entries(table.roles)) {
  const command = there(shop.runCommand({ rolesInfo: role }).roles) ? "updateRole" : "createRole";
  const privileges = collections.map((collection) => ({ resource: { db: DATABASE, collection }, actions }));
  shop.runCommand({ [command]: role, privileges, roles: [] });
  print(`role ${role}: ${actions.join(", ")} in ${DATABASE} ${collections.join(", ")}`);
}
for (const [user, { roles }] of Object.entries(table.users)) {
  if (!fs.existsSync(`/secret/${user}`)) {
    print(`user ${user} is left out: the Secret has no password for it`);
    continue;
  }
  const command = there(shop.runCommand({ usersInfo: user }).users) ? "updateUser" : "createUser";
  const granted = roles.map((role) => ({ role, db: DATABASE }));
  shop.runCommand({ [command]: user, pwd: secret(user), roles: granted, mechanisms: ["SCRAM-SHA-256"] });
  print(`user ${user}: ${roles.join(", ")} in ${DATABASE}`);
}
