// Makes the replica set and its users, or repairs what differs; safe to repeat at each start of the first member.
const { REPLICA_SET, ARBITER, DATABASE, USERNAME, ROOT_PASSWORD, PASSWORD } = process.env;
const members = JSON.parse(process.env.MEMBERS);

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
    db.getSiblingDB("admin").createUser({ user: "root", pwd: ROOT_PASSWORD, roles: ["root"] });
    print("user root made");
  } catch (error) {
    // Unauthorized: there is a user already, so that the exception for this host is over.
    if (error.code !== 13 && error.code !== 51003) {
      throw error;
    }
  }
}

const login = `root:${ROOT_PASSWORD}@${members.join(",")}`;
const primary = connect(`mongodb://${login}/${DATABASE}?replicaSet=${REPLICA_SET}&authSource=admin`);
const roles = [{ role: "readWrite", db: DATABASE }];
const made = primary.runCommand({ usersInfo: USERNAME }).users.length > 0;
primary.runCommand(
  made ? { updateUser: USERNAME, pwd: PASSWORD, roles } : { createUser: USERNAME, pwd: PASSWORD, roles },
);
print(`user ${USERNAME} may read and write ${DATABASE}`);
